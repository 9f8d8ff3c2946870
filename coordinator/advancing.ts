import { isRolling } from './core/rollout/step.ts'
import type { FleetLoop, Tell } from './happening.ts'

// In a fleet of thousands the advance of rollouts costs time that their hosts' words need.
const shareOfTime = 1

/**
 * Lets rollouts advance behind every change while one is alive: at once where that costs little, and several changes
 * together where it costs much. What it is about is what stands, so none is missed.
 */
export function createAdvance({
  loop,
  tell,
  moved,
}: {
  readonly loop: FleetLoop
  readonly tell: Tell
  /** Behind each. */
  readonly moved: () => void
}): { due(): void; stop(): void } {
  let isRunning = false
  let isDue = false
  let isStopped = false
  let mayRunMs = 0
  let timer: NodeJS.Timeout | undefined

  function due(): void {
    if (isRunning) {
      isDue = true
      return
    }
    if (!isRolling(loop.state)) {
      moved()
      return
    }
    const waitMs = mayRunMs - performance.now()
    if (waitMs <= 0) void run()
    else timer ??= setTimeout(run, waitMs)
  }

  async function run(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    isRunning = true
    isDue = false
    const startMs = performance.now()
    // A bug has gone to onBug already.
    await tell({ type: 'advance' }).catch(() => {})
    const endMs = performance.now()
    mayRunMs = endMs + shareOfTime * (endMs - startMs)
    isRunning = false
    if (isStopped) return
    moved()
    if (isDue) due()
  }

  const unwatch = loop.watch(due)
  return {
    due,
    stop() {
      isStopped = true
      unwatch()
      clearTimeout(timer)
    },
  }
}
