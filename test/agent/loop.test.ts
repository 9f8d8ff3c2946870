import t from 'tap'
import { begin } from '../../agent/core/begin.ts'
import type { AgentSave } from '../../agent/core/effect.ts'
import { createAgentLoop } from '../../agent/loop.ts'
import { bootId, holdOf, policy, spec, target } from './core/scene.ts'

/** A loop whose saves are ended by hand. */
function setUp() {
  const saves: { readonly what: AgentSave; readonly done: () => void }[] = []
  const loop = createAgentLoop({
    state: begin({ policy, bootId, seen: null, specs: [spec], records: new Map(), atMs: 0 }),
    store: {
      save: (what) => new Promise((done) => saves.push({ what, done })),
    },
    perform: () => {},
    onBug: (cause) => t.fail(String(cause)),
    onSaveFailed: () => {},
  })
  return { loop, saves }
}

const authority = { kind: 'direct', operator: 'anna' } as const

t.test('no tick is over while the disk hangs, however many come', async (t) => {
  const { loop, saves } = setUp()
  const hello = { type: 'hello' as const, oldest: 2, newest: 2, authority, build: 'test' }
  await loop.dispatch({ type: 'greeted', link: 'p', hello, atMs: 1 })
  await loop.tick()
  const holds = [holdOf('direct/1', 'direct')]
  const order = { type: 'command' as const, id: '1', action: 'drain' as const, target, authority }
  void loop.dispatch({
    type: 'commanded',
    link: 'p',
    command: { ...order, holds, release: [], limitMs: 1_000 },
    atMs: 2,
  })
  t.equal(saves.length, 1)
  let over = 0
  const ticks = [1, 2, 3].map(async () => {
    await loop.tick()
    over += 1
  })
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(over, 0)
  saves[0]?.done()
  await Promise.all(ticks)
  t.equal(loop.state.duties.get(target)?.work.is, 'stopping')
  await loop.tick()
})
