import { Chaos } from './chaos.ts'
import type { Cores } from './cores.ts'
import { Operators } from './operator.ts'
import { settle } from './settle.ts'
import { Trace, Violation } from './trace.ts'
import { World } from './world.ts'

export interface Outcome {
  readonly seed: number
  readonly violation: Violation | null
  readonly trace: readonly string[]
  /** Events of the queue, and seconds of the world's time. */
  readonly events: number
  readonly seconds: number
}

// A refusal is an everyday thing here, and where it came from is never shown.
Error.stackTraceLimit = 4

/** One whole life of a fleet: misfortune, then peace, then the question whether all is as it should be. */
export function runSeed(seed: number, cores: Cores, tell: ((line: string) => void) | null = null): Outcome {
  const trace = new Trace(200, tell)
  const world = new World(seed, cores, trace)
  const outcome = (violation: Violation | null): Outcome => {
    const { count, nowMs } = world.schedule
    return { seed, violation, trace: violation === null ? [] : trace.read(), events: count, seconds: nowMs / 1000 }
  }
  try {
    const operators = new Operators(world)
    const chaos = new Chaos(world, operators)
    world.begin()
    world.schedule.runUntil(4_000)
    chaos.rage(4_000 + world.plan.chaosMs)
    world.schedule.runUntil(4_000 + world.plan.chaosMs)
    world.note('world', 'heals')
    chaos.heal()
    settle(world, operators)
    return outcome(null)
  } catch (cause) {
    if (cause instanceof Violation) return outcome(cause)
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    return outcome(new Violation('simulator', text))
  }
}
