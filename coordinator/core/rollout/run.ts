import { fromActivating, fromRebooting } from './run-activate.ts'
import { fromBlocked, fromDeferred, fromPending, fromPrefetching, fromReady } from './run-before.ts'
import { fromDrained, fromDraining } from './run-drain.ts'
import { fromCommitting, fromServing, fromSoaking, fromUndraining, fromVerifying } from './run-judge.ts'
import { fromReverting } from './run-revert.ts'
import { fromFailed, fromInterrupted, fromLost, fromReverted } from './run-trouble.ts'
import type { Move, Scene } from './scene.ts'

/** What a run does next by what is seen of its host; null while there is nothing to do. A stage begins and ends it. */
export function nextOf(scene: Scene, wallMs: number): Move | null {
  const { now } = scene.run
  switch (now.is) {
    case 'pending':
      return fromPending(scene)
    case 'prefetching':
      return fromPrefetching(scene)
    case 'ready':
    case 'waiting':
      return fromReady(scene)
    case 'blocked':
    case 'skipped':
      return fromBlocked(scene)
    case 'deferred':
      return fromDeferred(scene)
    case 'draining':
      return fromDraining(scene, wallMs)
    case 'drained':
      return fromDrained(scene, wallMs)
    case 'activating':
      return fromActivating(scene, wallMs)
    case 'rebooting':
      return fromRebooting(scene, wallMs)
    case 'verifying':
      return fromVerifying(scene, wallMs)
    case 'undraining':
      return fromUndraining(scene, wallMs)
    case 'serving':
      return fromServing(scene, wallMs)
    case 'committing':
      return fromCommitting(scene, wallMs)
    case 'soaking':
      return fromSoaking(scene)
    case 'failed':
      return fromFailed(scene, wallMs)
    case 'lost':
      return fromLost(scene, wallMs)
    case 'interrupted':
      return fromInterrupted(scene, wallMs)
    case 'reverting':
      return fromReverting(scene, wallMs)
    case 'reverted':
      return fromReverted(scene)
    case 'noop':
    case 'done':
    case 'revert-failed':
      return null
    default:
      return now satisfies never
  }
}
