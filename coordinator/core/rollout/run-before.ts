import type { JobReport } from '../../../protocol/v2/job.ts'
import { isGone } from '../links.ts'
import type { LinkState } from '../state.ts'
import { actionOf } from './kinds.ts'
import { leaveToReboot } from './reboot.ts'
import { factsOf, failed, type Move, type Scene } from './scene.ts'

// Before its slot: nothing of this changes a host.

export function fromPending(scene: Scene): Move | null {
  const { state, rollout, run, atMs } = scene
  const unfit = unfitness(scene)
  if (unfit !== null) return { to: { is: 'blocked', by: 'unfit' }, reason: unfit }
  const host = state.hosts.get(run.host)
  if (host?.link.is === 'up') return { to: { is: 'prefetching' }, reason: sourceOf(scene) }
  if (!isGone(host, state.plan.unreachableGraceMs, atMs)) return null
  return offline(rollout.policy.offline)
}

function sourceOf({ run }: Scene): string {
  return run.source.mode === 'closure' ? run.source.system : `${run.source.flake}?rev=${run.source.revision}`
}

function offline(what: 'fail' | 'skip'): Move {
  const reason = 'its agent is not connected'
  return { to: what === 'skip' ? { is: 'skipped' } : { is: 'blocked', by: 'offline' }, reason }
}

function unfitness({ state, run }: Scene): string | null {
  const spec = state.plan.hosts.get(run.host)
  if (spec === undefined) return 'it is no longer configured'
  if (spec.protocol === 'v1') return 'an IO Guardian server takes no rebuilds'
  const link = state.hosts.get(run.host)?.link
  return link === undefined || takesJobs(link)
    ? null
    : 'its agent takes no rebuilds: it is an older one, or not set up for them'
}

/** Of one that is not connected nobody knows. */
function takesJobs(link: LinkState): boolean {
  return link.is === 'down' || link.features.includes('jobs')
}

export function fromPrefetching(scene: Scene): Move | null {
  const { state, rollout, run, job, atMs } = scene
  if (job === null) {
    const unfit = unfitness(scene)
    if (unfit !== null) return { to: { is: 'blocked', by: 'unfit' }, reason: unfit }
    return isGone(state.hosts.get(run.host), state.plan.unreachableGraceMs, atMs)
      ? offline(rollout.policy.offline)
      : null
  }
  const more = { facts: factsOf(job) }
  if (job.is === 'blocked' || job.is === 'failed')
    return { to: { is: 'blocked', by: 'job' }, reason: [job.reason, ...job.blockers].filter(Boolean).join('; '), more }
  const ahead = aheadOf(scene)
  if (ahead !== null) return astray(scene, ahead)
  if (job.is === 'prefetching' || job.action === null) return null
  const fetched = { ...scene, run: { ...run, ...more } }
  const action = actionOf(rollout, fetched.run)
  if (action === 'noop') return { to: { is: 'noop' }, reason: 'it runs this system already', more }
  if (action === 'reboot' && rollout.policy.reboot.bootOnce === 'require' && !job.bootOnce)
    return {
      to: { is: 'blocked', by: 'unfit' },
      reason: 'its loader cannot boot a system once, and the policy requires it',
      more,
    }
  return { to: { is: 'ready' }, reason: '', more }
}

export function fromReady(scene: Scene): Move | null {
  const { job, rollout, run } = scene
  const ahead = aheadOf(scene)
  if (ahead !== null) return astray(scene, ahead)
  const isOther = job !== null && (job.action !== run.facts.action || job.system !== run.facts.system)
  if (isOther && rollout.now.is === 'planned')
    return { to: { is: 'prefetching' }, reason: 'its host says otherwise than before' }
  if (job?.is !== 'blocked' && job?.is !== 'failed') return null
  return {
    to: { is: 'blocked', by: 'job' },
    reason: [job.reason, ...job.blockers].filter(Boolean).join('; '),
    more: { facts: factsOf(job) },
  }
}

/** While a plan is made or shown it follows what the hosts say; once it has begun a person says `retry`. */
export function fromBlocked(scene: Scene): Move | null {
  const { state, rollout, run, job } = scene
  const ahead = aheadOf(scene)
  if (ahead !== null) return astray(scene, ahead)
  if (run.now.is !== 'blocked' || (rollout.now.is !== 'planning' && rollout.now.is !== 'planned')) return null
  const isUp = state.hosts.get(run.host)?.link.is === 'up'
  if (run.now.by === 'offline') return isUp ? { to: { is: 'pending' }, reason: '' } : null
  if (run.now.by === 'unfit')
    return isUp && job === null && unfitness(scene) === null ? { to: { is: 'pending' }, reason: '' } : null
  const isBetter = job !== null && job.is !== 'blocked' && job.is !== 'failed'
  return isBetter ? { to: { is: 'prefetching' }, reason: '' } : null
}

export function fromDeferred(scene: Scene): Move | null {
  const ahead = aheadOf(scene)
  if (ahead !== null) return astray(scene, ahead)
  const leave = leaveToReboot(scene)
  return leave === null || leave.is === 'given' ? { to: { is: 'ready' }, reason: '' } : null
}

/** The baseline is taken behind a slot that this store gave: this one knows of none. */
function aheadOf({ job }: Scene): JobReport | null {
  if (job === null || job.baselineBootId === null) return null
  const isBehind = job.is === 'prefetching' || job.is === 'prefetched' || job.is === 'blocked' || job.is === 'baselined'
  return isBehind ? null : job
}

/** The store was restored from an older copy. Nothing is claimed that the job does not show; what is half done goes back. */
function astray(scene: Scene, job: JobReport): Move {
  const more = { activated: true, facts: factsOf(job), bootId: job.bootId }
  if (job.is === 'committed' && job.profile === job.system && job.current === job.system)
    return { to: { is: 'soaking' }, reason: 'committed before this coordinator knew of it', more }
  const move = failed(scene, 'start', 'its host is further than this coordinator knows')
  return { ...move, more: { ...move.more, ...more, slotMs: scene.atMs } }
}
