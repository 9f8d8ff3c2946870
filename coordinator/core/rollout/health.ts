import type { HealthProbe } from '../../../protocol/rollout/policy.ts'
import type { JobHealth } from '../../../protocol/v2/job.ts'
import type { FleetState } from '../state.ts'
import { heldByOthers } from './holding.ts'
import type { Scene } from './scene.ts'

export interface Verdict {
  readonly ok: boolean
  readonly reason: string
}

interface Measure {
  /** Which of the policy's probes count; null for none. */
  readonly probes: HealthProbe['when'] | null
  /** Whether what was active before has to be active again. */
  readonly missing: boolean
}

/** How the host is by the measure of its run's state; null where nobody judges it. */
export function verdictOf(scene: Scene): Verdict | null {
  const { now } = scene.run
  if (now.is === 'verifying') return judged(scene, { probes: 'drained', missing: false })
  if (now.is === 'serving' || now.is === 'committing' || now.is === 'soaking') {
    // Whoever else keeps it shut answers for its service.
    const isShut = heldByOthers(scene).length > 0
    return judged(scene, isShut ? { probes: null, missing: false } : { probes: 'serving', missing: true })
  }
  if (now.is !== 'reverting') return null
  // Whether the policy's probes were good before, nobody knows: a host that went back is measured by what it was.
  if (now.step === 'judging') return judged(scene, { probes: null, missing: false })
  if (now.step === 'opening') return judged(scene, { probes: null, missing: heldByOthers(scene).length === 0 })
  return null
}

/** What is wrong with it; empty where nobody judges it. */
export function unwellBy(scene: Scene): string {
  return verdictOf(scene)?.reason ?? ''
}

function judged(scene: Scene, measure: Measure): Verdict {
  const { job } = scene
  if (job === null) return bad('no word from the host')
  const { health } = job
  if (health === null || !health.settled) return bad('settling')
  if (health.failed.length > 0) return bad(`failed since: ${health.failed.join(', ')}`)
  if (health.looping.length > 0) return bad(`restarted again and again: ${health.looping.join(', ')}`)
  if (measure.missing && health.missing.length > 0)
    return bad(`active before, and not now: ${health.missing.join(', ')}`)
  const { probes } = scene.rollout.policy.health
  for (const [name, probe] of Object.entries(probes)) {
    if (probe.when !== measure.probes) continue
    const verdict = probed(scene, name, probe, health)
    if (!verdict.ok) return bad(`probe ${name}: ${verdict.reason}`)
  }
  return { ok: true, reason: 'well' }
}

function bad(reason: string): Verdict {
  return { ok: false, reason }
}

function probed({ state, run, atMs }: Scene, name: string, probe: HealthProbe, health: JobHealth): Verdict {
  if (isFromCoordinator(probe)) return conditionOf(state, probeKey(run.host, probe), atMs) ?? bad('not looked at yet')
  return health.probes.find((one) => one.name === name) ?? bad('no word from the host')
}

export function isFromCoordinator(probe: HealthProbe): boolean {
  return 'exec' in probe || 'promql' in probe || ('from' in probe && probe.from === 'coordinator')
}

export function probeKey(host: string, probe: HealthProbe): string {
  return `probe ${host} ${JSON.stringify(probe)}`
}

const staleMs = 15_000

/** What is known of a wanted condition; null where nobody has looked lately. */
export function conditionOf({ rollouts }: FleetState, key: string, atMs: number): Verdict | null {
  const told = rollouts.conditions.get(key)
  return told === undefined || atMs - told.atMs > staleMs ? null : told
}
