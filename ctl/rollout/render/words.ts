import type { RolloutStateName, RunStateName, RunStatus } from '../../../protocol/rollout/api.ts'
import type { Ink } from '../../render/style.ts'

/** What a state means to whoever watches: most states are `moving`, the way of a host from its slot to its end. */
export type Standing = 'ahead' | 'waiting' | 'moving' | 'trouble' | 'aside' | 'done'

const standings: Readonly<Record<RunStateName, Standing>> = {
  pending: 'ahead',
  prefetching: 'moving',
  ready: 'ahead',
  noop: 'done',
  blocked: 'trouble',
  skipped: 'aside',
  deferred: 'aside',
  waiting: 'waiting',
  draining: 'moving',
  drained: 'moving',
  activating: 'moving',
  rebooting: 'moving',
  verifying: 'moving',
  undraining: 'moving',
  serving: 'moving',
  committing: 'moving',
  soaking: 'moving',
  done: 'done',
  failed: 'trouble',
  lost: 'trouble',
  interrupted: 'trouble',
  reverting: 'moving',
  reverted: 'trouble',
  'revert-failed': 'trouble',
}

const inks: Readonly<Record<Standing, Ink>> = {
  ahead: 'dim',
  waiting: 'dim',
  moving: 'yellow',
  trouble: 'red',
  aside: 'yellow',
  done: 'green',
}

export function standingOf({ is }: Pick<RunStatus, 'is'>): Standing {
  return standings[is]
}

export function inkOf(run: Pick<RunStatus, 'is'>): Ink {
  return run.is === 'reverting' || run.is === 'reverted' ? 'yellow' : inks[standingOf(run)]
}

const rolloutInks: Readonly<Record<RolloutStateName, Ink>> = {
  planning: 'yellow',
  planned: 'bold',
  discarded: 'dim',
  running: 'yellow',
  paused: 'yellow',
  aborting: 'yellow',
  'rolling-back': 'yellow',
  succeeded: 'green',
  failed: 'red',
  aborted: 'red',
  'rolled-back': 'yellow',
  'rollback-failed': 'red',
}

export function rolloutInk(is: RolloutStateName): Ink {
  return rolloutInks[is]
}

/** `0:14`, `12:03`, `1:02:03`: a clock that goes on. */
export function clockSpan(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  const two = (figure: number): string => String(figure).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}

export function shortRevision(revision: string | null): string {
  return revision === null ? '' : revision.slice(0, 8)
}

/** How many there are of each, in the order in which they appear: `70 done, 3 pending`. */
export function countsOf(runs: readonly Pick<RunStatus, 'is'>[]): string {
  const counts = new Map<string, number>()
  for (const { is } of runs) counts.set(is, (counts.get(is) ?? 0) + 1)
  return [...counts].map(([is, count]) => `${count} ${is}`).join(', ')
}
