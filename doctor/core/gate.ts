import { formatDuration } from '../../protocol/duration.ts'
import { dropIn, error, type Finding, journal, listed, type Place, systemctl } from './finding.ts'
import { agentUnit } from './target.ts'
import type { UnitFacts } from './unit.ts'

/** The gate of one resource, and what it is bound to. */
export interface GateFacts extends Place {
  readonly resource: string
  /** The resource's gateDeadline. */
  readonly limitMs: number
  readonly gate: UnitFacts
  /** The units that it is bound to. */
  readonly bound: readonly UnitFacts[]
  /** Clusters of Debian's PostgreSQL that are loaded here. */
  readonly clusters: readonly string[]
  /** The agent that shares the host; null where there is none. */
  readonly agent: UnitFacts | null
  readonly file: { readonly path: string; readonly is: 'up' | 'down' | 'missing' | 'unreadable' | 'unseen' }
}

export function gateUnitOf(resource: string): string {
  return `io-guardian-gate@${resource}.service`
}

export function gateFindings(facts: GateFacts): readonly Finding[] {
  const { gate, resource } = facts
  if (gate.load !== 'loaded') {
    return [
      error('gate-missing', {
        found: `systemd has no ${gate.unit}, so a stop of ${resource} drains nobody`,
        wanted: 'a gate for each resource with "gate": "local"',
        run: ['guardian install coordinator'],
      }),
    ]
  }
  return [...ofBinding(facts), ...ofCommands(facts), ...ofLimit(facts), ...ofAgent(facts), ...ofFile(facts)]
}

function* ofBinding(facts: GateFacts): Generator<Finding> {
  const { gate, bound, resource } = facts
  const holders = bound.filter(holdsData)
  if (holders.length === 0) {
    const umbrella = bound.find(({ load }) => load === 'loaded')
    const data = dataUnits(facts)
    const found =
      umbrella === undefined
        ? `${gate.unit} is bound to ${bound.length === 0 ? 'no unit' : `${listed(names(bound))}, which systemd does not have`}`
        : `${gate.unit} is bound to ${umbrella.unit}, which holds no data: it stays active when the database stops`
    yield error(umbrella === undefined ? 'gate-unbound' : 'gate-on-umbrella', {
      found: `${found}, so a stop of ${resource} drains nobody`,
      wanted: `BindsTo=, After= and WantedBy= ${listed(data)}, which ${data.length === 1 ? 'holds' : 'hold'} the data`,
      ...binding(facts, data),
    })
  }
  for (const each of holders) {
    const lacks = [
      ...(gate.after.includes(each.unit) ? [] : [`After=${each.unit}`]),
      ...(each.wants.includes(gate.unit) || each.requires.includes(gate.unit) ? [] : [`WantedBy=${each.unit}`]),
    ]
    if (lacks.length === 0) continue
    yield error('gate-half-bound', {
      found: `${gate.unit} is bound to ${each.unit} but lacks ${listed(lacks)}`,
      wanted: 'stopped before the database stops, and started whenever it starts',
      ...binding(facts, [each.unit]),
    })
  }
}

/** A oneshot such as Debian's postgresql.service only stands for others. */
function holdsData({ load, service }: UnitFacts): boolean {
  return load === 'loaded' && service?.type !== 'oneshot'
}

function dataUnits({ resource, bound, clusters }: GateFacts): readonly string[] {
  const isPostgres = [resource, ...names(bound)].some((name) => name.startsWith('postgres'))
  if (!isPostgres) return [`${resource}.service`]
  return clusters.length > 0 ? clusters : ['postgresql@V-C.service']
}

function binding(facts: GateFacts, data: readonly string[]) {
  const { unit } = facts.gate
  return {
    write: dropIn(facts, unit, 'data', ['[Unit]', `BindsTo=${data.join(' ')}`, `After=${data.join(' ')}`]),
    run: [
      systemctl(facts, 'daemon-reload'),
      ...data.map((each) => systemctl(facts, `add-wants ${each} ${unit}`)),
      systemctl(facts, `start ${unit}`),
    ],
  }
}

function* ofCommands(facts: GateFacts): Generator<Finding> {
  const { gate, resource } = facts
  const isDown = (words: readonly string[]): boolean => words.includes('gate') && words.includes('down')
  if (gate.service === null || gate.service.stopPost.some(isDown)) return
  const isStop = gate.service.stop.some(isDown)
  yield error('gate-without-stop-post', {
    found: isStop
      ? `${gate.unit} drains by ExecStop=, which is left out where its start failed or was cut short`
      : `${gate.unit} runs no "guardian gate down ${resource}" when it stops`,
    wanted: 'ExecStopPost=',
    write: dropIn(facts, gate.unit, 'stop-post', [
      '[Service]',
      ...(isStop ? ['ExecStop='] : []),
      `ExecStopPost=guardian gate down ${resource}`,
    ]),
    run: [systemctl(facts, 'daemon-reload')],
  })
}

function* ofLimit(facts: GateFacts): Generator<Finding> {
  const { gate, limitMs, resource } = facts
  const { stopLimitMs } = gate
  if (stopLimitMs === null || stopLimitMs === 'infinite' || stopLimitMs >= limitMs) return
  yield error('gate-limit-short', {
    found: `systemd kills ${gate.unit} after ${formatDuration(stopLimitMs)}, but its drain may take ${formatDuration(limitMs)} (resources.${resource}.gateDeadline)`,
    wanted: 'a TimeoutStopSec above gateDeadline, or the database stops under hosts that are not drained',
    write: dropIn(facts, gate.unit, 'stop-limit', ['[Service]', `TimeoutStopSec=${Math.ceil(limitMs / 1_000) + 30}s`]),
    run: [systemctl(facts, 'daemon-reload')],
  })
}

function* ofAgent(facts: GateFacts): Generator<Finding> {
  const { gate, agent } = facts
  if (agent === null || agent.load !== 'loaded' || gate.after.includes(agentUnit)) return
  yield error('gate-before-agent', {
    found: `${gate.unit} is not ordered after ${agentUnit}: at shutdown the agent of this host may stop before it was drained`,
    wanted: `After=${agentUnit}`,
    write: dropIn(facts, gate.unit, 'agent', ['[Unit]', `After=${agentUnit}`]),
    run: [systemctl(facts, 'daemon-reload')],
  })
}

const files: Readonly<Record<GateFacts['file']['is'], string>> = {
  up: 'says that it is up',
  down: 'says that it is down',
  missing: 'does not exist',
  unreadable: 'cannot be read',
  unseen: 'may not be looked at',
}

function* ofFile(facts: GateFacts): Generator<Finding> {
  const { gate, bound, file, resource } = facts
  const holder = bound.find((each) => holdsData(each) && each.active === 'active')
  if (holder === undefined || gate.active === 'activating' || gate.active === 'deactivating') return
  // A gate that is active has written its file in this boot.
  if (gate.active === 'active' && (file.is === 'up' || file.is === 'unseen')) return
  yield error('gate-down', {
    found: `${holder.unit} is active, but the gate of ${resource} is down: ${file.path} ${files[file.is]}, and ${gate.unit} is ${gate.active}`,
    wanted: 'up whenever the database is; until then every host that needs it is held',
    run: [
      systemctl(facts, `${gate.active === 'active' ? 'restart' : 'start'} ${gate.unit}`),
      journal(facts, gate.unit),
    ],
  })
}

function names(units: readonly UnitFacts[]): readonly string[] {
  return units.map(({ unit }) => unit)
}
