import t, { type Test } from 'tap'
import { createAdvance } from '../../coordinator/advancing.ts'
import { beginRollouts } from '../../coordinator/core/rollout/begin.ts'
import type { Happening } from '../../coordinator/happening.ts'
import { aRollout } from './adapters/rollout-samples.ts'
import { aFleet } from './http/api-parts.ts'

function aScene(t: Test, is: 'paused' | 'succeeded', takesMs: number) {
  const now = is === 'paused' ? ({ is, was: 'running', by: 'operator' } as const) : { is }
  const stored = { rollouts: [aRollout({ now })], runs: [], locks: [], nextRollout: 2, nextEvent: 1 }
  const { loop, parts } = aFleet({ state: { rollouts: beginRollouts(stored) } })
  const told: Happening['type'][] = []
  let moved = 0
  let wake: () => void = () => {}
  const advance = createAdvance({
    loop,
    tell: async ({ type }) => {
      told.push(type)
      const endMs = performance.now() + takesMs
      while (performance.now() < endMs);
      return null
    },
    moved() {
      moved += 1
      wake()
    },
  })
  t.teardown(() => advance.stop())
  const next = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })
  const change = () => parts.tell({ type: 'probed', resource: 'postgresql', ready: true, reason: `${Math.random()}` })
  return { advance, told, moved: () => moved, next, change }
}

t.test('behind each change, and when something is due', async (t) => {
  const { advance, told, next, change } = aScene(t, 'paused', 0)
  const first = next()
  await change()
  await first
  const second = next()
  advance.due()
  await second
  t.strictSame(told, ['advance', 'advance'])
})

t.test('many changes while one takes long are one more', async (t) => {
  const { told, next, change } = aScene(t, 'paused', 50)
  const first = next()
  for (let at = 0; at < 20; at += 1) await change()
  await first
  await next()
  t.equal(told.length, 2)
})

t.test('without a rollout that is alive nothing is told, and conditions are given up', async (t) => {
  const { advance, told, moved } = aScene(t, 'succeeded', 0)
  advance.due()
  t.strictSame(told, [])
  t.equal(moved(), 1)
})

t.test('nothing moves behind its end', async (t) => {
  const { advance, told, moved, change } = aScene(t, 'paused', 0)
  advance.due()
  advance.stop()
  await change()
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(told, ['advance'])
  t.equal(moved(), 0)
})
