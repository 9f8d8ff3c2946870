import { createServer } from 'node:net'
import t from 'tap'
import * as v from 'valibot'
import { startProbes } from '../../../coordinator/adapters/probes.ts'
import { readUnitState } from '../../../coordinator/adapters/unit-state.ts'
import { probeSpec } from '../../../daemon/probe.ts'

t.test('the first verdict and each change are told, the others only counted', async (t) => {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0
  const spec = v.parse(probeSpec, { type: 'tcp', host: '127.0.0.1', port, every: '5ms' })
  const told: boolean[] = []
  let answers = 0
  let wake: () => void = () => {}
  const probes = startProbes({
    specs: new Map([['share', spec]]),
    told: (_resource, { ready }) => told.push(ready),
    answered() {
      answers += 1
      wake()
    },
  })
  t.teardown(() => probes.close())
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  await until(() => answers >= 3)
  t.strictSame(told, [true])
  probes.configure(new Map([['share', { ...spec }]]))
  await until(() => answers >= 5)
  t.strictSame(told, [true], 'a probe that did not change goes on')
  await new Promise((resolve) => server.close(resolve))
  await until(() => told.length > 1)
  t.strictSame(told, [true, false])
  probes.configure(new Map())
  const before = answers
  await new Promise((resolve) => setTimeout(resolve, 30))
  t.equal(answers, before, 'one that left the configuration asks no more')
})

t.test('the state of a unit, or why there is none', async (t) => {
  const state = await readUnitState('surely-there-is-no-such-unit.service').catch((cause: unknown) => cause)
  if (state instanceof Error) t.match(state.message, 'systemctl does not answer')
  else t.equal(state, 'inactive')
})
