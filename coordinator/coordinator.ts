import { build } from '../daemon/build.ts'
import { monotonicMs, readBootId } from '../daemon/clock.ts'
import { createLog, type Log } from '../daemon/log.ts'
import { type Notify, openNotify } from '../daemon/notify.ts'
import type { Running } from '../daemon/run.ts'
import { type LinkKeys, type LinkPlan, openAgentLinks } from './adapters/agent-links.ts'
import { type GateFiles, openGateFiles } from './adapters/gate-files.ts'
import { readLinkKeys } from './adapters/link-keys.ts'
import { type Probes, startProbes } from './adapters/probes.ts'
import type { LinkEvent } from './adapters/session.ts'
import { createClosers } from './closers.ts'
import { type CoordinatorConfig, loadCoordinatorConfig } from './config.ts'
import { openDoors } from './doors.ts'
import { type Engine, type House, openEngine } from './engine.ts'
import type { ApiParts } from './http/api.ts'
import { readTokens } from './http/tokens.ts'
import { addProbeMetrics } from './metrics/probes.ts'
import { startPulse } from './pulse.ts'

/** Opens a coordinator: its store, its gates and probes, its API, and last the links to its hosts. */
export async function openCoordinator(config: CoordinatorConfig, die: (cause: unknown) => void): Promise<Running> {
  const log = createLog({ name: 'guardian-coordinator', level: config.log.level })
  const onBug = (cause: unknown): void => {
    log.fatal({ event: 'bug', cause }, 'ended by a bug')
    die(cause)
  }
  const closers = createClosers((cause) => log.error({ cause }, 'not closed'))
  try {
    const boot = { id: await readBootId(config.bootIdFile), atMs: monotonicMs() }
    return await open({ config, boot, log, onBug, closers })
  } catch (cause) {
    await closers.close()
    throw cause
  }
}

async function open(house: House): Promise<Running> {
  const { log, closers } = house
  let config = house.config
  const notify = await openNotify((text) => log.warn(text))
  // Whatever is wrong with a secret is told before the store has spent an epoch.
  const keys = await readLinkKeys(config)
  let tokens = await readTokens(config)
  const engine = openEngine(house)
  const senses = await openSenses(house, engine)
  await openDoors(
    apiParts(house, engine, () => config),
    { config, tokens: () => tokens, closers },
  )
  openLinks(house, engine, keys)
  closers.add(startPulse(engine, notify))
  notify.ready()
  log.info({ event: 'ready', epoch: engine.read().claim.epoch, hosts: config.dials.size }, 'ready')

  async function reload(): Promise<void> {
    const next = await loadCoordinatorConfig(config.file)
    const secrets = { keys: await readLinkKeys(next), tokens: await readTokens(next) }
    warnOfFixed(log, config, next)
    config = next
    tokens = secrets.tokens
    log.level = config.log.level
    await engine.tell({ type: 'configured', plan: config.plan })
    engine.rollouts.configure(config.prometheus)
    engine.links.now?.configure(linkPlanOf(config, secrets.keys))
    senses.probes.configure(config.probes)
    await senses.gates.configure(gatedOf(config))
    log.info({ event: 'reloaded', hosts: config.dials.size }, 'reloaded')
  }

  return {
    reload: () => reloading(reload, notify, log),
    async [Symbol.asyncDispose]() {
      notify.stopping()
      log.info({ event: 'stopping' }, 'stopping')
      await closers.close()
    },
  }
}

interface Senses {
  readonly gates: GateFiles
  readonly probes: Probes
}

// The gates are read before any host is linked, so that the first reconcile knows their holds.
async function openSenses({ config, boot, closers }: House, { tell, registry }: Engine): Promise<Senses> {
  const gates = await openGateFiles({
    dir: config.gateDir,
    bootId: boot.id,
    resources: gatedOf(config),
    told: (resource, gate) => void tell({ type: 'gate-read', resource, gate }),
  })
  closers.add(() => gates.close())
  const probes = startProbes({
    specs: config.probes,
    told: (resource, { ready, reason }) => void tell({ type: 'probed', resource, ready, reason }),
    answered: addProbeMetrics(registry),
  })
  closers.add(() => probes.close())
  return { gates, probes }
}

function apiParts({ onBug }: House, engine: Engine, config: () => CoordinatorConfig): ApiParts {
  const { read, tell, loop, events, registry, rollouts, links } = engine
  return {
    read,
    tell,
    watch: loop.watch,
    measure: async (host, limitMs) => (await links.now?.measure(host, limitMs)) ?? null,
    dials: () => config().dials,
    events,
    registry,
    rollouts,
    onBug,
  }
}

function openLinks({ config, onBug, closers }: House, engine: Engine, keys: LinkKeys): void {
  const links = openAgentLinks({
    plan: linkPlanOf(config, keys),
    claim: () => engine.read().claim,
    build,
    emit: linkListener(engine),
    onBug,
  })
  engine.links.now = links
  closers.add(() => {
    engine.links.now = null
    links.close()
  })
}

function linkListener({ tell, orders, rollouts }: Engine): (event: LinkEvent) => void {
  return (event) => {
    if (event.type === 'told' && event.message.type === 'log') {
      rollouts.takeLog(event.host, event.message)
      return
    }
    if (event.type === 'told') orders.told(event.message)
    if (event.type === 'told-v1' && event.action !== 'ping') orders.toldV1(event.action, event.ok)
    if (event.type === 'link-down') orders.lost(event.host)
    void tell(event)
  }
}

function linkPlanOf({ dials, heartbeat, plan }: CoordinatorConfig, keys: LinkKeys): LinkPlan {
  const limits = [...plan.targets.values()].flatMap((target) => [target.drainLimitMs, target.undrainLimitMs])
  return { dials, keys, heartbeat, v1OrderMs: Math.max(60_000, ...limits) }
}

function gatedOf({ plan }: CoordinatorConfig): readonly string[] {
  return [...plan.resources.values()].filter(({ gate }) => gate !== null).map(({ name }) => name)
}

/** What only a restart changes, which drains nothing. */
function warnOfFixed(log: Log, before: CoordinatorConfig, next: CoordinatorConfig): void {
  for (const name of ['stateDir', 'runtimeDir', 'gateDir', 'bootIdFile'] as const) {
    if (before[name] !== next[name]) log.warn({ setting: name }, 'changed only by a restart')
  }
  if (JSON.stringify(before.api.listen) !== JSON.stringify(next.api.listen)) {
    log.warn({ setting: 'api.listen' }, 'changed only by a restart')
  }
}

async function reloading(reload: () => Promise<void>, notify: Notify, log: Log): Promise<void> {
  notify.reloading()
  try {
    await reload()
  } catch (cause) {
    log.error({ event: 'reload-refused', cause }, 'not reloaded')
    throw cause
  } finally {
    notify.ready()
  }
}
