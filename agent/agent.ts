import { build } from '../daemon/build.ts'
import { monotonicMs, randomId, readBootId, wallMs } from '../daemon/clock.ts'
import type { Log } from '../daemon/log.ts'
import type { Notify } from '../daemon/notify.ts'
import type { Verdict } from '../daemon/probe.ts'
import type { Running } from '../daemon/run.ts'
import { GuardianError } from '../protocol/errors.ts'
import { type Bus, openBus } from './adapters/bus.ts'
import { type Door, openDoor } from './adapters/door.ts'
import type { DoorEvent } from './adapters/door-hall.ts'
import type { Jobs } from './adapters/jobs.ts'
import { openLocalSocket } from './adapters/local-socket.ts'
import { openMarkerStore } from './adapters/marker-store.ts'
import { openUnits, type Units } from './adapters/units.ts'
import { Closing } from './closing.ts'
import type { AgentConfig } from './config.ts'
import { begin } from './core/begin.ts'
import type { AgentEffect } from './core/effect.ts'
import type { AgentEvent } from './core/event.ts'
import type { AgentState } from './core/state.ts'
import { readSecrets, type Secrets } from './keys.ts'
import { lastWord } from './last-word.ts'
import { type AgentLoop, type AgentStore, createAgentLoop, type TickedLoop } from './loop.ts'
import { createMetrics } from './metrics.ts'
import { type Hands, perform } from './perform.ts'
import { createReporter } from './reporter.ts'
import { watchResources } from './resources.ts'
import { createRest } from './rest.ts'
import { statusOf } from './status.ts'

export interface AgentParts {
  readonly load: () => Promise<AgentConfig>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly notify: Notify
  readonly die: (cause: unknown) => void
}

export interface Agent extends Running {
  readonly port: number
  reload(): Promise<void>
}

// What IO Guardian's server waited before it answered that it gave up.
const v1LimitMs = 45_000
const tickEveryMs = 1_000

/** Opens an agent and tells systemd that it is ready. @throws GuardianError that says what is missing */
export async function openAgent(parts: AgentParts): Promise<Agent> {
  const closing = new Closing()
  try {
    const running = await open(parts, closing)
    return { ...running, [Symbol.asyncDispose]: () => closing[Symbol.asyncDispose]() }
  } catch (cause) {
    await closing[Symbol.asyncDispose]()
    throw cause
  }
}

async function open(parts: AgentParts, closing: Closing): Promise<Pick<Agent, 'port' | 'reload'>> {
  const { log, notify } = parts
  const config = await parts.load()
  log.level = config.log.level
  const keys = { now: await readSecrets(config, parts.env) }
  const bus = closing.use(await openBus(config.bus))
  const { store, state } = await recall(config, log)
  const early: AgentEffect[] = []
  let hands: Hands | null = null
  const loop = createAgentLoop({
    state,
    store,
    perform: (effect) => void (hands === null ? early.push(effect) : perform(effect, hands)),
    onBug: parts.die,
    onSaveFailed: (reason) => log.error({ event: 'save-failed', reason, stateDir: config.stateDir }, 'not saved'),
  })
  const opened = await openHands({ config, secrets: () => keys.now, bus, loop, log, notify, closing })
  hands = opened
  for (const effect of early) perform(effect, opened)
  closing.use(watchResources(config.resources, toldVerdict(loop), opened.units.unitState))
  startClock(loop, notify, closing)
  closing.defer(() => lastWord(loop))
  const { port } = opened.door
  log.info({ event: 'ready', port, host: config.policy.host, build }, 'ready')
  notify.ready()
  notify.status(statusOf(loop.state))
  return {
    port,
    async reload() {
      notify.reloading()
      try {
        keys.now = await reread(parts, config)
        opened.door.keysChanged()
      } finally {
        notify.ready()
      }
    },
  }
}

/** The state as the disk has it. */
async function recall(config: AgentConfig, log: Log): Promise<{ store: AgentStore; state: AgentState }> {
  const markers = await openMarkerStore(config.stateDir, log)
  const jobs =
    config.rebuild === null ? null : (await import('./adapters/job-store.ts')).openJobStore(config.stateDir, log)
  const specs = config.targets.map(({ spec }) => spec)
  const [bootId, saved] = await Promise.all([
    readBootId(config.bootIdFile),
    markers.load(specs.map(({ name }) => name)),
  ])
  const kept = jobs === null ? {} : { jobs: await jobs.load() }
  return {
    store: {
      async save(save) {
        await markers.save(save)
        if (save.job !== undefined) await jobs?.save(save.job)
      },
    },
    state: begin({ policy: config.policy, bootId, specs, atMs: monotonicMs(), ...saved, ...kept }),
  }
}

interface HandsParts {
  readonly config: AgentConfig
  readonly secrets: () => Secrets
  readonly bus: Bus
  readonly loop: TickedLoop
  readonly log: Log
  readonly notify: Notify
  readonly closing: Closing
}

async function openHands({ config, secrets, bus, loop, log, notify, closing }: HandsParts): Promise<Hands> {
  const targets = config.targets.map(({ spec, dependents }) => ({ name: spec.name, unit: spec.unit, dependents }))
  const told = (event: AgentEvent): void => void loop.dispatch(event)
  const rest = closing.use(createRest())
  const units = closing.use(
    openUnits({
      bus,
      targets,
      log,
      told: (target, view) => {
        rest.stir()
        told({ type: 'viewed', target, view, atMs: monotonicMs() })
      },
    }),
  )
  const door: { now: Door | null } = { now: null }
  const metrics = createMetrics(
    {
      state: () => loop.state,
      nowMs: monotonicMs,
      missing: () => units.missing(),
      busConnected: () => bus.connected,
      strangers: () => door.now?.strangers ?? 0,
    },
    targets.map(({ name }) => name),
  )
  const opened = closing.use(
    await openDoor({
      listen: config.listen,
      secrets,
      pages: {
        metrics: async () => ({ type: metrics.registry.contentType, text: await metrics.registry.metrics() }),
        unready: () => unready(bus, units),
      },
      told: (event) => told(timed(event)),
      failed: (reason) => metrics.countFailure(reason),
      log,
    }),
  )
  door.now = opened
  const local = closing.use(
    await openLocalSocket({
      runtimeDir: config.runtimeDir,
      knows: (target) => loop.state.duties.has(target),
      asked: (asker, target) => told({ type: 'opening-asked', asker, target, atMs: monotonicMs() }),
      gone: (asker) => told({ type: 'asker-gone', asker, atMs: monotonicMs() }),
    }),
  )
  const jobs = await openRebuilds(config, { bus, units, loop, door: opened, log, closing })
  const showStatus = (): void => notify.status(statusOf(loop.state))
  const reporter = closing.use(
    createReporter(
      () => loop.state,
      () => opened,
      showStatus,
    ),
  )
  closing.defer(() => notify.stopping())
  return { door: opened, local, units, jobs, reporter, metrics, log, nowMs: monotonicMs }
}

type RebuildParts = Pick<HandsParts, 'bus' | 'loop' | 'log' | 'closing'> & {
  readonly units: Units
  readonly door: Door
}

/** Loaded only where this host takes rebuilds. */
async function openRebuilds({ rebuild }: AgentConfig, parts: RebuildParts): Promise<Jobs | null> {
  if (rebuild === null) return null
  const { openJobs } = await import('./adapters/jobs.ts')
  const { bus, units, loop, door, log, closing } = parts
  const jobs = closing.use(
    openJobs({
      bus,
      places: rebuild,
      state: () => loop.state,
      seen: (job, sight) => void loop.dispatch({ type: 'job-seen', job, sight, atMs: monotonicMs() }),
      probed: (job, name, ok, reason) =>
        void loop.dispatch({ type: 'job-probed', job, name, ok, reason, atMs: monotonicMs() }),
      unitState: units.unitState,
      send: (link, message) => door.send(link, message),
      unsentBytes: (link) => door.unsentBytes(link),
      log,
    }),
  )
  closing.defer(loop.watch((state) => jobs.follow(state)))
  jobs.follow(loop.state)
  return jobs
}

/** What a peer said, with the time added. */
function timed(event: DoorEvent): AgentEvent {
  const atMs = monotonicMs()
  if (event.type !== 'commanded-v1') return { ...event, atMs }
  return { ...event, atMs, limitMs: v1LimitMs, nonce: randomId(), wallMs: wallMs() }
}

function toldVerdict(loop: AgentLoop) {
  return (resource: string, { ready, reason }: Verdict): void => {
    void loop.dispatch({ type: 'probed', resource, ok: ready, reason: reason.slice(0, 500), atMs: monotonicMs() })
  }
}

function unready(bus: Bus, units: Units): readonly string[] {
  const missing = units.missing().map((target) => `target ${target} has no unit file`)
  return bus.connected ? missing : ['systemd does not answer on its bus', ...missing]
}

/** Ticks, and through them the watchdog: a loop that hangs on its disk is not fed. */
function startClock(loop: TickedLoop, notify: Notify, closing: Closing): void {
  const everyMs = Math.min(tickEveryMs, (notify.watchdogMs ?? Number.POSITIVE_INFINITY) / 3)
  const feed = (): void => (notify.watchdogMs === null ? undefined : notify.alive())
  const timer = setInterval(() => void loop.tick().then(feed), everyMs)
  closing.defer(() => clearInterval(timer))
  void loop.tick()
}

async function reread({ load, env, log }: AgentParts, running: AgentConfig): Promise<Secrets> {
  const config = await load()
  if ((config.tls === null) !== (running.tls === null))
    throw new GuardianError('bad-config', `${config.source}: tls was added or removed, which takes a restart`)
  log.level = config.log.level
  const secrets = await readSecrets(config, env)
  const isSame = JSON.stringify(restOf(config)) === JSON.stringify(restOf(running))
  if (isSame) log.info({ event: 'reloaded' }, 'keys and log level read anew')
  else log.warn({ event: 'reloaded' }, 'keys and log level read anew; the other changes wait for a restart')
  return secrets
}

function restOf({ pskFile: _pskFile, tls: _tls, v1: _v1, log: _log, resources, ...rest }: AgentConfig): object {
  return { ...rest, resources: [...resources] }
}
