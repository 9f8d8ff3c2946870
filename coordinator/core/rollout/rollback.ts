import { outOfService, roomFor } from './budgets.ts'
import type { Draft } from './draft.ts'
import { isMoving } from './kinds.ts'
import { toReverting } from './run-revert.ts'
import { jobOf } from './scene.ts'
import type { HostRun } from './state.ts'
import { end } from './trouble.ts'

/** Committed hosts go back in reverse order of the stages, under the same budgets and drains as they came. */
export function rollBack(draft: Draft, id: string): boolean {
  const runs = draft.runs(id)
  const moving = runs.filter(isMoving)
  const due = runs.filter(isDue)
  const stuck = runs.filter(({ now }) => now.is === 'revert-failed')
  // One that cannot go back is for a person to look at before others try.
  const isOver = due.length === 0 || stuck.some(({ back }) => back)
  if (!isOver) return beginNext(draft, id, due, moving)
  if (moving.length > 0 || (stuck.length === 0 && runs.some(waitsForRoom))) return false
  if (stuck.length === 0) end(draft, id, 'rolled-back', draft.rollout(id).reason)
  else end(draft, id, 'rollback-failed', `could not go back: ${stuck.map(({ host }) => host).join(', ')}`)
  return true
}

function isDue({ back, now }: HostRun): boolean {
  return back && (now.is === 'soaking' || now.is === 'done')
}

/** It failed in service, and may leave it once the budgets have room. */
function waitsForRoom({ back, now, released }: HostRun): boolean {
  return back && now.is === 'failed' && !released
}

function beginNext(draft: Draft, id: string, due: readonly HostRun[], moving: readonly HostRun[]): boolean {
  const rollout = draft.rollout(id)
  const top = Math.max(...due.map(({ stage }) => stage))
  if (moving.some(({ stage }) => stage > top)) return false
  const { atMs, wallMs } = draft.moment
  const out = new Set(outOfService(draft.state))
  const limits = rollout.stages.slice(top, top + 1).map(({ maxParallel }) => maxParallel)
  const most = Math.min(...limits, rollout.options.maxParallel ?? Number.POSITIVE_INFINITY)
  let count = moving.length
  for (const run of due) {
    if (run.stage !== top || count >= most) continue
    const job = jobOf(draft.state, run)
    if (job === null || roomFor(draft.state, run.host, out).is === 'full') continue
    const move = toReverting({ state: draft.state, rollout, run, job, streak: null, atMs }, rollout.reason, wallMs)
    draft.move(run, { ...move, more: { slotMs: atMs, ...move.more } })
    out.add(run.host)
    count += 1
  }
  return count > moving.length
}
