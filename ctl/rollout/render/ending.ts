import { formatDuration } from '../../../protocol/duration.ts'
import type { RolloutStatus, RunStatus } from '../../../protocol/rollout/api.ts'
import { counted, paint, reasonBeside, type Style, someOf, unbroken, wrapped } from '../../render/style.ts'
import { headingOf, nextLines, reasonLines } from './picture.ts'
import { stageLines } from './stages.ts'
import { countsOf, inkOf, standingOf } from './words.ts'

/** A rollout at rest: what it came to, every host that is not as wanted with its whole reason, and what leads on. */
export function endingLines(style: Style, status: RolloutStatus): readonly string[] {
  const odd = status.hosts.filter((run) => ['trouble', 'aside', 'waiting'].includes(standingOf(run)))
  return [
    headingOf(style, status),
    ...reasonLines(style, status),
    ...stageLines(style, status, 0),
    ...(status.hosts.length === 0
      ? []
      : wrapped(style, `${counted(status.hosts.length, 'host')}: ${countsOf(status.hosts)}`, 2)),
    ...groupsOf(odd).flatMap((group) => groupLines(style, group)),
    ...logAdvice(style, status),
    ...nextLines(style, status),
  ]
}

interface Group {
  readonly run: RunStatus
  readonly names: readonly string[]
}

/** Hosts with the same fate and reason share a line. */
function groupsOf(runs: readonly RunStatus[]): readonly Group[] {
  const groups = new Map<string, { readonly run: RunStatus; readonly names: string[] }>()
  for (const run of runs) {
    const key = `${run.is} ${reasonBeside(run.host, run.reason)} ${run.blockers.join()}`
    const group = groups.get(key) ?? { run, names: [] }
    group.names.push(run.host)
    groups.set(key, group)
  }
  return [...groups.values()]
}

function groupLines(style: Style, { run, names }: Group): readonly string[] {
  const slot =
    run.holdsSlot && standingOf(run) === 'trouble' ? `, out of service for ${formatDuration(run.sinceMs)}` : ''
  const reasons = [reasonBeside(run.host, run.reason), ...run.blockers].filter((text) => text !== '')
  const why = reasons.length === 0 ? '' : `: ${[...new Set(reasons)].join('; ')}`
  const [first = '', ...more] = wrapped(style, `${someOf(names, 8)} ${run.is}${slot}${why}`, 4)
  return [`  ${paint(style, inkOf(run), first.trimStart())}`, ...more]
}

const logged: readonly RunStatus['is'][] = ['failed', 'lost', 'interrupted', 'reverted', 'revert-failed']

function logAdvice(style: Style, { id, hosts }: RolloutStatus): readonly string[] {
  const one = hosts.find(({ is }) => logged.includes(is))
  if (one === undefined) return []
  return wrapped(style, `its log: ${unbroken(logCommand(one.host, id))}`, 2)
}

export function logCommand(host: string, id: string): string {
  return `guardian ctl rollout logs ${id} ${host}`
}
