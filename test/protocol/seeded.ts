import { randomInt } from 'node:crypto'

export interface Chance {
  readonly seed: number
  /** An integer from 0 to `max` − 1. */
  readonly below: (max: number) => number
  readonly pick: <T>(of: readonly T[]) => T
}

/** Chance that can be had again: GUARDIAN_SEED repeats a run that failed. */
export function seeded(seed: number = Number(process.env.GUARDIAN_SEED ?? randomInt(2 ** 31))): Chance {
  let state = seed
  const below = (max: number) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % max
  }
  const pick = <T>(of: readonly T[]): T => {
    const found = of[below(of.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }
  return { seed, below, pick }
}
