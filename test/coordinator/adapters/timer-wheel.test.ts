import t from 'tap'
import { backoffMs } from '../../../coordinator/adapters/backoff.ts'
import { createTimerWheel } from '../../../coordinator/adapters/timer-wheel.ts'

t.test('timers run once, in the order of their times, and not when cancelled', async (t) => {
  const wheel = createTimerWheel(5)
  t.teardown(() => wheel.stop())
  const ran: string[] = []
  const cancel = wheel.after(10, () => ran.push('cancelled'))
  await new Promise<void>((resolve) => {
    wheel.after(60, () => {
      ran.push('late')
      resolve()
    })
    wheel.after(0, () => ran.push('now'))
    wheel.after(20, () => {
      ran.push('soon')
      wheel.after(0, () => ran.push('from within'))
    })
    cancel()
  })
  t.strictSame(ran, ['now', 'soon', 'from within', 'late'])
})

t.test('a timer does not run before its time', async (t) => {
  const wheel = createTimerWheel(5)
  t.teardown(() => wheel.stop())
  const startMs = performance.now()
  await new Promise<void>((resolve) => wheel.after(33, resolve))
  t.ok(performance.now() - startMs >= 32.9)
})

t.test('backoff doubles to ten seconds, with jitter', async (t) => {
  t.strictSame(
    [0, 1, 2, 5, 6, 50].map((attempt) => backoffMs(attempt, 1)),
    [250, 500, 1_000, 8_000, 10_000, 10_000],
  )
  t.equal(backoffMs(0, 0), 125)
  t.equal(backoffMs(99, 0), 5_000)
})
