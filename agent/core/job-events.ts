import { advanced, standing } from './authority.ts'
import type { AgentEvent } from './event.ts'
import type { Rebuilds } from './job.ts'
import { type JobMove, orderJob, probeJob, seeJob } from './job-step.ts'
import { accept, keep, outrank, refuse } from './links.ts'
import { type AgentStep, answered, greeting, response, still } from './plain-steps.ts'
import type { AgentState } from './state.ts'

type JobEvent = Extract<AgentEvent, { type: 'job-ordered' | 'job-seen' | 'job-probed' }>

/** What becomes of a rebuild by one event. */
export function jobHappened(state: AgentState, event: JobEvent): AgentStep {
  switch (event.type) {
    case 'job-ordered':
      return ordered(state, event)
    case 'job-seen':
      return onJobs(state, (rebuilds) => seeJob(state, rebuilds, event))
    case 'job-probed':
      return onJobs(state, (rebuilds) => probeJob(state, rebuilds, event))
    default:
      return event satisfies never
  }
}

function ordered(state: AgentState, { link, command, atMs }: Extract<JobEvent, { type: 'job-ordered' }>): AgentStep {
  if (state.links.get(link)?.role !== 'coordinator')
    return greeting(refuse(state, link, 'bad-message', 'a rebuild is for a coordinator to order, after its greeting'))
  const is = standing(state.seen, command.claim)
  if (is === 'superseded') return greeting(outrank(state, link, is))
  if (is === 'stale')
    return greeting(answered(state, link, command, 'stale', 'older than an order already carried out'))
  const heard = accept(state, command.claim, atMs)
  const seen = advanced(state.kept, command.claim)
  if (heard.rebuilds === null) {
    const effects = [response(link, command.id, 'failed', 'this host takes no rebuilds')]
    return greeting({ state: heard, effects, seen })
  }
  const { save, next } = orderJob(heard, heard.rebuilds, command, link)
  const lost = response(link, command.id, 'not-persisted', 'the disk of this host refused the order')
  return {
    save: save === null && seen === null ? null : { seen, record: null, ...(save === null ? {} : { job: save }) },
    next: { state: keep(next.state, seen), effects: next.effects, answer: null },
    otherwise: { state: heard, effects: [lost], answer: null },
  }
}

/** Where the disk refuses what a job needs, it stays as it was and is looked at again. */
function onJobs(state: AgentState, move: (rebuilds: Rebuilds) => JobMove): AgentStep {
  if (state.rebuilds === null) return still(state)
  const { save, next } = move(state.rebuilds)
  if (save === null) return still(next.state, next.effects)
  return {
    save: { seen: null, record: null, job: save },
    next: { ...next, answer: null },
    otherwise: { state, effects: [], answer: null },
  }
}
