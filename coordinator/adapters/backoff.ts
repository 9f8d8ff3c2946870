const firstMs = 250
const longestMs = 10_000

/** The wait before attempt number `attempt`, from 0: doubling, with jitter so that a fleet does not dial in step. */
export function backoffMs(attempt: number, chance: number): number {
  const wholeMs = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 10))
  return Math.round(wholeMs * (0.5 + chance / 2))
}
