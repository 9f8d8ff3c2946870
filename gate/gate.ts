import { join } from 'node:path'
import { type ApiClient, createApiClient } from '../daemon/api-client.ts'
import { build } from '../daemon/build.ts'
import { monotonicMs, readBootId, wallMs } from '../daemon/clock.ts'
import { exitOf } from '../daemon/outcome.ts'
import { GuardianError } from '../protocol/errors.ts'
import { followDaemon, tellDaemon } from './by-daemon.ts'
import { drainByHand } from './by-hand.ts'
import { type GateRecord, type GateTimes, holdIdOf, nextRecord, timesOf, wavesOf } from './core.ts'
import { readHandHosts } from './keys.ts'
import { readRecord, writeRecord } from './record.ts'
import { createReporter, type GateLog, type Reporter } from './report.ts'
import type { Setup } from './setup.ts'

export interface GateParts {
  readonly resource: string
  readonly setup: Setup
  readonly log: GateLog
  readonly env: NodeJS.ProcessEnv
  /** Aborted when systemd or a person ends the process. */
  readonly signal: AbortSignal
  /** Monotonic clock at which the process began. */
  readonly startedMs: number
  readonly silenceMs?: number
}

/** The resource is there: recorded and told, no host is waited for. */
export async function gateUp({ resource, setup, log }: GateParts): Promise<number> {
  // Without its record the daemon would not believe it, and the hosts stay shut: better a failed unit than a silent one.
  const record = await recordOf(setup, resource, 'up')
  await writeRecord(setup.gateDir, resource, record)
  const { config, limitMs } = setup
  const decision = await tellDaemon(clientOf(setup), resource, { record, limitMs })
  // A file that is right and has no such gate: a daemon that starts later will not know of it either.
  const isNobodys = config instanceof GuardianError && config.code !== 'bad-config'
  if (decision.do === 'direct' && isNobodys) throw config
  const fields = { resource, event: 'gate-up' }
  if (decision.do === 'direct') log.warn(fields, `up; recorded for later: ${decision.why}`)
  else if (decision.do === 'rest') log.info(fields, 'up')
  else log.warn({ ...fields, hold: decision.hold }, 'up, but the coordinator knows a later down: its hold still stands')
  return 0
}

/** The resource is about to stop: returns when every host is drained, or the gate's time is over. */
export async function gateDown(parts: GateParts): Promise<number> {
  const { resource, setup, log } = parts
  const times = timesOf(parts.startedMs, setup.limitMs)
  const record = await recordOf(setup, resource, 'down')
  const persisted = await isWritten(parts, record)
  log.info({ resource, event: 'gate-down', hold: holdIdOf(resource, record) }, 'down')
  const reporter = createReporter(log, resource)
  const deadline = AbortSignal.timeout(Math.max(1, times.deadlineMs - monotonicMs()))
  const signal = AbortSignal.any([parts.signal, deadline])
  const end = await drain({ ...parts, signal }, { record, times, reporter })
  if (end === 'nothing') log.info({ resource, event: 'gate-drained' }, 'nothing needs it: nothing to drain')
  else reporter.end(monotonicMs() - parts.startedMs)
  if (end === 'stopped') log.error({ resource }, endedBy(parts.signal))
  if (end === 'stopped' && parts.signal.aborted) return 9
  const exit = exitOf({ hosts: reporter.hosts, trustV1: false, persisted, superseded: false })
  // Stopped before the first word on any host: nobody is known to be drained.
  return end === 'stopped' && exit === 0 ? 5 : exit
}

function endedBy(outer: AbortSignal): string {
  return outer.aborted ? 'ended from outside before the drain was done' : 'the time of the gate is over'
}

interface DrainFacts {
  readonly record: GateRecord
  readonly times: GateTimes
  readonly reporter: Reporter
}

type End = 'nothing' | 'settled' | 'stopped'

async function drain(parts: GateParts, facts: DrainFacts): Promise<End> {
  const { resource, setup, signal } = parts
  const { record, times, reporter } = facts
  const client = clientOf(setup)
  const limitMs = Math.max(1, times.deadlineMs - monotonicMs())
  const decision = await tellDaemon(client, resource, { record, limitMs })
  if (decision.do === 'rest') return 'nothing'
  if (decision.do === 'direct') return drainWithout(parts, facts, decision.why)
  const silence = parts.silenceMs === undefined ? {} : { silence: parts.silenceMs }
  const followed = await followDaemon(client, { hold: decision.hold, signal, ...silence }, reporter.show)
  return followed.is === 'dropped' ? drainWithout(parts, facts, followed.why) : followed.is
}

async function drainWithout(parts: GateParts, { record, times, reporter }: DrainFacts, why: string): Promise<End> {
  const { resource, setup, log, env, signal } = parts
  const { config } = setup
  if (config instanceof GuardianError)
    throw new GuardianError(config.code, `${why}; and the gate knows no host to order itself: ${config.message}`)
  const targets = wavesOf(config.plan, resource)
  log.warn({ resource, event: 'gate-direct', reason: why }, 'ordering the agents directly')
  const names = new Set(targets.flatMap(({ waves }) => waves.flat()))
  await drainByHand({
    targets,
    hosts: await readHandHosts(config, names, env),
    mandate: { authority: { kind: 'gate', resource }, build, deadlineMs: times.agentDeadlineMs, signal },
    times,
    graceMs: config.plan.unreachableGraceMs,
    hold: {
      id: holdIdOf(resource, record),
      owner: `gate:${resource}`,
      message: `the gate of ${resource} is down`,
      sinceMs: wallMs(),
      selector: '*',
      except: [],
    },
    show: reporter.show,
  })
  if (targets.length === 0) return 'nothing'
  return signal.aborted ? 'stopped' : 'settled'
}

async function recordOf(setup: Setup, resource: string, state: GateRecord['state']): Promise<GateRecord> {
  const bootId = await readBootId(setup.bootIdFile)
  return nextRecord(await readRecord(setup.gateDir, resource), state, { bootId, monotonicMs: monotonicMs() })
}

/** A drain is carried out also where it cannot be recorded. */
async function isWritten({ setup, resource, log }: GateParts, record: GateRecord): Promise<boolean> {
  try {
    await writeRecord(setup.gateDir, resource, record)
    return true
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    log.error({ resource, event: 'not-persisted' }, cause.message)
    return false
  }
}

function clientOf(setup: Setup): ApiClient {
  return createApiClient({ kind: 'socket', path: join(setup.runtimeDir, 'api.sock') })
}
