import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { whyNotLed } from '../../rebuild/adapters/coordinator.ts'
import { fleetOf, hostStatus, instance } from '../fakes/fleet-status.ts'
import { job, openRig } from './rig.ts'

const done = { code: 0, err: '' }

interface Answer {
  readonly status: number
  readonly body: object
}

/** A coordinator that gives these answers in turn, the last for ever. */
async function coordinator(t: Test, socket: string, answers: readonly Answer[]): Promise<{ asked: number }> {
  const count = { asked: 0 }
  const server = createServer((_request, reply) => {
    const { status, body } = answers[Math.min(count.asked, answers.length - 1)] ?? { status: 500, body: {} }
    count.asked += 1
    reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  return count
}

const refused = { status: 503, body: { code: 'internal', message: 'its store is not open' } }
const led = { status: 200, body: fleetOf() }
const alone = { status: 200, body: fleetOf({ hosts: [hostStatus('web1'), hostStatus('web2', { connected: false })] }) }
const claim = { epoch: 4, instance, revision: 1 }
const superseded = { status: 200, body: fleetOf({ superseded: { host: 'web1', seen: claim } }) }

const cases: readonly [name: string, answer: Answer, why: RegExp | null][] = [
  ['it leads', led, null],
  ['it is not ready', refused, /store is not open/],
  ['too few agents', alone, /^1 of 2 agents are linked$/],
  ['another one leads', superseded, /superseded/],
]
for (const [name, answer, why] of cases) {
  t.test(`the coordinator here: ${name}`, async (t) => {
    const socket = join(t.testdir(), 's')
    await coordinator(t, socket, [answer])
    const said = await whyNotLed(socket, 2, 0)
    if (why === null) t.equal(said, null)
    else t.match(said, why)
  })
}

t.test('nobody answers', async (t) => t.match(await whyNotLed(join(t.testdir(), 's'), 0, 0), /./))

t.test('its own host is committed once it leads', async (t) => {
  const rig = await openRig(t)
  await rig.configure({ coordinator: rig.at('/run/api.sock') })
  const count = await coordinator(t, rig.at('/run/api.sock'), [refused, alone, led])
  await rig.give({ self: { agents: 2 } })
  for (const action of ['prefetch', 'activate']) t.strictSame(await rig.helper(`${action}-${job}`), done)
  await rig.switched()
  t.strictSame(await rig.helper(`commit-${job}`), done)
  t.equal(count.asked, 3)
  t.match((await rig.memory.results(job)).commit, { ok: true })
})
