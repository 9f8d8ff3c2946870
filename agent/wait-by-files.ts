import * as v from 'valibot'
import { readBootId } from '../daemon/clock.ts'
import { readAs } from '../daemon/durable-file.ts'
import { checkOnce, type ProbeSpec } from '../daemon/probe.ts'
import { formatDuration } from '../protocol/duration.ts'
import { markerPath, openingPath } from './adapters/marker-store.ts'
import type { AgentConfig, TargetPlan } from './config.ts'

export interface Verdict {
  readonly is: 'open' | 'shut' | 'not-yet'
  readonly reason: string
}

const opening = v.object({ bootId: v.string(), is: v.string() })

/** What an agent would decide, by the files that it left, while there is none. */
export async function decideByFiles(
  config: AgentConfig,
  plan: TargetPlan,
  waitedMs: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const { name } = plan.spec
  const file = markerPath(config.stateDir, name)
  if (await isThere(file)) return { is: 'shut', reason: `the marker ${file} keeps it drained` }
  const decision = await readAs(openingPath(config.stateDir, name), opening).catch(() => null)
  const bootId = await readBootId(config.bootIdFile)
  if (decision?.bootId === bootId) return { is: 'open', reason: 'this boot has decided to open it' }
  const { expectCoordinator, bootWithoutCoordinatorMs } = config.policy
  if (expectCoordinator && bootWithoutCoordinatorMs === null) {
    return { is: 'not-yet', reason: 'bootWithoutCoordinator is "never", so the coordinator has to say so' }
  }
  const restMs = expectCoordinator ? (bootWithoutCoordinatorMs ?? 0) - waitedMs : 0
  if (restMs > 0) return { is: 'not-yet', reason: `opens without a coordinator in ${formatDuration(restMs)}` }
  const bad = await unready(config, plan.spec.needs, signal)
  if (bad !== null) return { is: 'not-yet', reason: bad }
  return {
    is: 'open',
    reason: expectCoordinator ? 'no coordinator came, and its resources are ready' : 'its resources are ready',
  }
}

/** A marker that cannot be read is there, too. */
async function isThere(file: string): Promise<boolean> {
  return await readAs(file, v.unknown()).then(
    (content) => content !== null,
    () => true,
  )
}

async function unready(config: AgentConfig, needs: readonly string[], signal: AbortSignal): Promise<string | null> {
  for (const need of needs) {
    const spec = config.resources.get(need)
    if (spec === undefined) continue
    const { ready, reason } = await checkOnce(spec, { unitState: (unit) => unitState(config, spec, unit) }, signal)
    if (!ready) return `${need}: ${reason}`
  }
  return null
}

async function unitState(config: AgentConfig, spec: ProbeSpec, unit: string): Promise<string> {
  const [{ openBus }, { createSystemd }] = await Promise.all([
    import('./adapters/bus.ts'),
    import('./adapters/units-systemd.ts'),
  ])
  await using bus = await openBus(spec.type === 'unit' && spec.bus !== undefined ? spec.bus : config.bus)
  const [state] = await createSystemd(bus).list([unit])
  return state?.active ?? 'inactive'
}
