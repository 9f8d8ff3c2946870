import type { HostRun, Rollout } from './state.ts'

const ctl = 'guardian ctl rollout'

/** Commands that lead on from here, the likeliest first. */
export function nextCommands({ id, now, stage }: Rollout, runs: readonly HostRun[]): string[] {
  const isAwaited = stage.now.is === 'waiting' && stage.now.on === 'approval'
  const lost = runs.filter((run) => run.now.is === 'lost' && !run.released)
  const release = lost.map(({ host }) => `${ctl} release ${id} ${host} -m REASON`)
  switch (now.is) {
    case 'planning':
      return [`${ctl} watch ${id}`, `${ctl} discard ${id}`]
    case 'planned':
      return [`${ctl} start ${id}`, `${ctl} discard ${id}`]
    case 'running':
      return [...(isAwaited ? [`${ctl} promote ${id}`] : []), `${ctl} pause ${id} -m REASON`, `${ctl} abort ${id}`]
    case 'paused':
      return [
        ...(now.by === 'hook' ? [`${ctl} retry ${id} --hook NAME`] : []),
        ...release,
        ...(now.by === 'failure' ? [`${ctl} retry ${id}`] : []),
        ...[`${ctl} resume ${id}`, `${ctl} abort ${id}`, `${ctl} rollback ${id}`],
      ]
    case 'aborting':
      return [...release, `${ctl} abort ${id} --now`]
    case 'rolling-back':
      return [...release, `${ctl} pause ${id} -m REASON`]
    case 'succeeded':
    case 'failed':
    case 'aborted':
    case 'rollback-failed':
      return [`${ctl} rollback ${id}`]
    case 'discarded':
    case 'rolled-back':
      return []
    default:
      return now satisfies never
  }
}
