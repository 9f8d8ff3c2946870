import { dutyState, hasStopped, holdsOf, stillRunning, stillStarting } from './core/duty.ts'
import { waitingFor } from './core/report.ts'
import type { AgentState, Duty } from './core/state.ts'

/** The state of all targets in a line, for `systemctl status`. */
export function statusOf(state: AgentState): string {
  const duties = [...state.duties.values()]
  const lines = duties.map((duty) =>
    duties.length === 1 ? lineOf(state, duty) : `${duty.spec.name}: ${lineOf(state, duty)}`,
  )
  return lines.join('; ')
}

function lineOf(state: AgentState, duty: Duty): string {
  const is = dutyState(duty, state.bootId)
  switch (is) {
    case 'draining':
      return `draining for ${owners(duty)}, waiting for ${few(stillRunning(duty))}`
    case 'drained': {
      const stopped = (duty.view?.dependents ?? []).filter(hasStopped).length
      return `drained by ${owners(duty)}, ${stopped} ${stopped === 1 ? 'dependent' : 'dependents'} inactive`
    }
    case 'released':
    case 'undecided': {
      const reason = waitingFor(state, duty)
      return reason === '' ? `${is}, about to open` : `${is}, waiting for ${reason}`
    }
    case 'opening': {
      const units = duty.view === null ? [duty.spec.unit] : stillStarting(duty.view)
      return `opening, waiting for ${waitingFor(state, duty) || few(units)}`
    }
    case 'open':
      return `open, ${duty.view?.dependents.length ?? 0} dependents`
    case 'drifted':
      return 'stopped by somebody else'
    default:
      return is satisfies never
  }
}

function owners(duty: Duty): string {
  return holdsOf(duty)
    .map(({ owner }) => owner)
    .join(', ')
}

function few(units: readonly string[]): string {
  const [first = 'systemd', ...rest] = units
  return rest.length === 0 ? first : `${first} and ${rest.length} more`
}
