import type { ExitCode } from '../../daemon/outcome.ts'
import type { Context } from '../context.ts'
import type { Ending } from '../follow.ts'
import { unbroken, wrapped } from '../render/style.ts'

export interface EndFacts {
  readonly ending: Ending
  /** What the last word on each host amounts to. */
  readonly exit: ExitCode
  /** How to take the order back; null where it changed nothing. */
  readonly undo: string | null
  readonly json: object
  readonly summary: () => readonly string[]
}

/** Says how an order ended, or that its end was not seen; the exit code says the same. */
export function endWith(context: Context, facts: EndFacts): number {
  const exit = exitAt(facts)
  if (context.settings.json) context.printJson({ ...facts.json, ending: facts.ending.is, exit })
  else context.print(linesAt(context, facts))
  return exit
}

function exitAt({ ending, exit }: EndFacts): ExitCode {
  switch (ending.is) {
    case 'settled':
      return exit
    case 'timeout':
      return exit === 0 ? 5 : exit
    case 'interrupted':
    case 'lost':
      return 9
    case 'gone':
      return ending.wasAway ? 9 : 6
    default:
      return ending satisfies never
  }
}

function linesAt(context: Context, { ending, summary, undo }: EndFacts): readonly string[] {
  const say = (text: string): readonly string[] => wrapped(context.style, text)
  const undoing = undo === null ? '' : ` Undo: ${unbroken(undo)}`
  switch (ending.is) {
    case 'settled':
    case 'timeout':
      return summary()
    case 'interrupted':
      return say(`stopped watching; what was ordered goes on. Watch again: guardian ctl status --watch.${undoing}`)
    case 'lost':
      return say(
        `outcome unknown: the coordinator went away and did not come back: ${ending.reason}. The order stands where it was saved; when it is back: guardian ctl status.${undoing}`,
      )
    case 'gone':
      return say(
        ending.wasAway
          ? 'outcome unknown: the coordinator was restarted and does not know the hold any more; it was released meanwhile or never saved. See guardian ctl status'
          : 'the hold was released by somebody, or its time is over, before the drain was done. See guardian ctl events',
      )
    default:
      return ending satisfies never
  }
}
