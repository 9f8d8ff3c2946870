import { monotonicMs, wallMs } from '../daemon/clock.ts'
import type { Loop } from '../daemon/loop.ts'
import type { FleetAnswer } from './core/effect.ts'
import type { FleetEvent } from './core/event.ts'
import type { FleetState } from './core/state.ts'

type Untimed<Event> = Event extends unknown ? Omit<Event, 'atMs' | 'wallMs'> : never

/** An event of the core before somebody looked at the clock. */
export type Happening = Untimed<FleetEvent>

export type FleetLoop = Loop<FleetState, FleetEvent, FleetAnswer>

/** What happens now, told to the core. */
export type Tell = (happening: Happening) => Promise<FleetAnswer>

export function teller(loop: FleetLoop): Tell {
  return (happening) => loop.dispatch({ ...happening, atMs: monotonicMs(), wallMs: wallMs() })
}
