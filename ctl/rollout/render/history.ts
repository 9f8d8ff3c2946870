import { formatDuration } from '../../../protocol/duration.ts'
import type { RolloutExplanation, RolloutList } from '../../../protocol/rollout/api.ts'
import { alignedOf, paint, type Style, unbroken, wrapped } from '../../render/style.ts'
import { dayOf, rolloutEventLine } from './events.ts'
import { inkOf, rolloutInk, shortRevision } from './words.ts'

/** Newest first, one line each; where one host was asked about, what became of it. */
export function historyLines(style: Style, list: RolloutList): readonly string[] {
  if (list.length === 0) return ['no rollouts']
  const rows = list.map(
    ({ id, is, policy, revision, createdMs, endedMs, hosts, done, operator, message, reason, run }) => [
      id,
      paint(style, rolloutInk(is), is),
      policy,
      shortRevision(revision) || '-',
      dayOf(createdMs),
      endedMs === null ? '-' : formatDuration(Math.max(0, endedMs - createdMs)),
      run === null ? `${done}/${hosts}` : paint(style, inkOf(run), run.is),
      operator,
      (run === null ? '' : run.reason) || message || reason,
    ],
  )
  return alignedOf(style, [['ID', 'IS', 'POLICY', 'REV', 'SINCE', 'TOOK', 'HOSTS', 'BY', ''], ...rows], 0)
}

/** What holds a host up, and the command that frees it. */
export function explanationLines(
  style: Style,
  { host, rollout, is, because, events }: RolloutExplanation,
): readonly string[] {
  const first =
    rollout === null || is === null ? `${host} has no part in any rollout` : `${host} is ${is} in ${rollout}`
  return [
    paint(style, 'bold', first),
    ...(because.length === 0 ? ['  nothing holds it up'] : []),
    ...because.flatMap(({ what, free }) => [
      ...wrapped(style, what, 2),
      ...(free === '' ? [] : wrapped(style, `free it: ${free.startsWith('guardian ') ? unbroken(free) : free}`, 4)),
    ]),
    ...(events.length === 0 ? [] : ['', '  lately']),
    ...events.map((event) => `  ${rolloutEventLine(style, event)}`),
  ]
}
