import { formatDuration } from '../../protocol/duration.ts'
import type { Hold } from '../../protocol/hold.ts'
import { error, type Finding, warning } from './finding.ts'

/** The marker of a drained target. */
export interface MarkerFacts {
  readonly host: string
  readonly target: string
  readonly path: string
  /** Null where there is none. */
  readonly content:
    | { readonly is: 'holds'; readonly holds: readonly Hold[]; readonly writtenMs: number }
    | Unreadable
    | null
  readonly nowMs: number
}

interface Unreadable {
  readonly is: 'unreadable'
  readonly reason: string
}

export const dayMs = 86_400_000

export function markerFindings(facts: MarkerFacts): readonly Finding[] {
  const { host, target, path, content, nowMs } = facts
  if (content === null) return []
  const look = `guardian ctl host ${host}`
  if (content.is === 'unreadable') {
    return [
      error('marker-unreadable', {
        found: `the marker ${path} cannot be read (${content.reason}): ${target} stays drained and nobody knows why`,
        wanted: 'the holds that keep it drained',
        run: [look, `guardian ctl undrain --hold ID, with the id that it shows of owner "self"`],
      }),
    ]
  }
  const ageMs = nowMs - content.writtenMs
  if (content.holds.length === 0) return ageMs < dayMs ? [] : [waiting(facts, ageMs, look)]
  return content.holds
    .filter(({ sinceMs }) => nowMs - sinceMs >= dayMs)
    .map(({ id, owner, message, sinceMs }) =>
      warning('hold-old', {
        found: `${target} has been drained for ${formatDuration(nowMs - sinceMs)} by ${owner}${message === '' ? '' : ` (${message})`}`,
        wanted: 'a drain that somebody still wants',
        run: [`guardian ctl undrain --hold ${id}`],
      }),
    )
}

function waiting({ target }: MarkerFacts, ageMs: number, look: string): Finding {
  return warning('release-waits', {
    found: `${target} was released ${formatDuration(ageMs)} ago and has not opened since`,
    wanted: 'open once its resources are ready and the coordinator allows it',
    run: [look],
  })
}
