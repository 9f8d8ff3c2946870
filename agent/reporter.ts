import type { Door } from './adapters/door.ts'
import { reportOf } from './core/report.ts'
import type { AgentState } from './core/state.ts'

/** Sends the present state to every coordinator: the first change at once, those that follow together. */
export interface Reporter extends Disposable {
  request(): void
}

const pauseMs = 50
const everyMs = 10_000
// A coordinator that has not taken the last ones gets the next when it has: the latest replaces all before it.
const unsentBytesMax = 128 * 1024

export function createReporter(state: () => AgentState, door: () => Door, told: () => void): Reporter {
  let sentAtMs = Number.NEGATIVE_INFINITY
  let turn: NodeJS.Immediate | undefined
  let later: NodeJS.Timeout | undefined

  function send(): void {
    turn = undefined
    later = undefined
    sentAtMs = performance.now()
    const coordinators = [...state().links.values()].filter(({ role }) => role === 'coordinator')
    const report = coordinators.length === 0 ? null : reportOf(state())
    for (const { id } of coordinators) {
      if (report !== null && door().unsentBytes(id) <= unsentBytesMax) door().send(id, report)
    }
    told()
  }

  function request(): void {
    if (turn !== undefined || later !== undefined) return
    const waitMs = sentAtMs + pauseMs - performance.now()
    if (waitMs <= 0) turn = setImmediate(send)
    else later = setTimeout(send, waitMs)
  }

  const timer = setInterval(request, everyMs)
  return {
    request,
    [Symbol.dispose]() {
      const isPending = turn !== undefined || later !== undefined
      clearInterval(timer)
      clearTimeout(later)
      clearImmediate(turn)
      if (isPending) send()
    },
  }
}
