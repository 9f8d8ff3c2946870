import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openGateFiles } from '../../../coordinator/adapters/gate-files.ts'
import type { GateState } from '../../../coordinator/core/state.ts'

const bootId = 'a'.repeat(32)

t.test('each gate is told once before it resolves, and then on change', async (t) => {
  const dir = t.testdir()
  put(dir, 'postgresql', { state: 'up', seq: 3, bootId })
  const { told, next } = await open(t, dir, ['postgresql', 'redis'])
  t.strictSame(told, [
    ['postgresql', { is: 'up', seq: 3, bootId }],
    ['redis', null],
  ])
  put(dir, 'postgresql', { state: 'down', seq: 4, bootId })
  t.strictSame(await next(2), ['postgresql', { is: 'down', seq: 4, bootId }])
  put(dir, 'redis', { state: 'up', seq: 1, bootId })
  t.strictSame(await next(3), ['redis', { is: 'up', seq: 1, bootId }])
  rmSync(join(dir, 'redis'))
  t.strictSame(await next(4), ['redis', null])
})

const unreadable: readonly [name: string, text: string][] = [
  ['of another boot', JSON.stringify({ state: 'up', seq: 1, bootId: 'b'.repeat(32) })],
  ['not JSON', '{"state":"up"'],
  ['of another shape', JSON.stringify({ state: 'open', seq: 1, bootId })],
  ['empty', ''],
]
for (const [name, text] of unreadable) {
  t.test(`a file ${name} means down`, async (t) => {
    const dir = t.testdir({ postgresql: text })
    const { told } = await open(t, dir, ['postgresql'])
    t.strictSame(told, [['postgresql', null]])
  })
}

t.test('a directory that comes later, and one that is made anew, are seen by the slow look', async (t) => {
  const dir = join(t.testdir(), 'gates')
  const { told, next } = await open(t, dir, ['postgresql'])
  t.strictSame(told, [['postgresql', null]])
  mkdirSync(dir)
  put(dir, 'postgresql', { state: 'up', seq: 1, bootId })
  t.strictSame(await next(1), ['postgresql', { is: 'up', seq: 1, bootId }])
  rmSync(dir, { recursive: true })
  t.strictSame(await next(2), ['postgresql', null])
  mkdirSync(dir)
  put(dir, 'postgresql', { state: 'up', seq: 2, bootId })
  t.strictSame(await next(3), ['postgresql', { is: 'up', seq: 2, bootId }])
})

t.test('a resource that is new in the configuration is told at once, one that left is told no more', async (t) => {
  const dir = t.testdir()
  const { told, gates } = await open(t, dir, ['postgresql'])
  await gates.configure(['redis'])
  t.strictSame(told.at(-1), ['redis', null])
  await gates.configure(['redis', 'postgresql'])
  t.strictSame(told.at(-1), ['postgresql', null])
  t.equal(told.length, 3)
})

type Told = [resource: string, gate: GateState | null]

async function open(t: Test, dir: string, resources: readonly string[]) {
  const told: Told[] = []
  let wake: () => void = () => {}
  const gates = await openGateFiles({
    dir,
    bootId,
    resources,
    lookEveryMs: 20,
    told(resource, gate) {
      told.push([resource, gate])
      wake()
    },
  })
  t.teardown(() => gates.close())
  async function next(at: number): Promise<Told | undefined> {
    while (told.length <= at) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return told[at]
  }
  return { told, gates, next }
}

function put(dir: string, resource: string, gate: object): void {
  writeFileSync(join(dir, `.${resource}`), JSON.stringify(gate))
  renameSync(join(dir, `.${resource}`), join(dir, resource))
}
