import type { Figure } from './figure.ts'

/** What a figure is, and what it must reach. */
export interface Goal {
  readonly key: string
  readonly unit: 'ms' | 's' | 'MB' | 'KB'
  readonly value: string
  readonly reference: string
  readonly goal: string
  /** `others` has the figures of the same run; null where one that is needed was left out. */
  readonly isMet: (figure: Figure, others: ReadonlyMap<string, Figure>) => boolean | null
}

const processStartMs = 60

function latency(action: 'drain' | 'undrain', dependents: number): Goal {
  return {
    key: `${action}_${dependents}`,
    unit: 'ms',
    value: `guardian ctl ${action} of ${dependents}, to confirmed`,
    reference: `systemctl ${action === 'drain' ? 'stop' : 'start'} target + ${dependents} units`,
    goal: action === 'drain' ? `1.3 × + ${processStartMs} ms` : '–',
    isMet: ({ value, reference }) => (action === 'drain' ? value <= 1.3 * reference + processStartMs : null),
  }
}

function fleet(agents: number, goal: string, isMet: Goal['isMet']): Goal {
  return {
    key: `fleet_${agents}`,
    unit: 'ms',
    value: `drain of ${agents} agents, order to confirmed`,
    reference: `one-shot v1 client of ${agents}`,
    goal,
    isMet,
  }
}

/** The larger fleet takes at most as many times longer as it is larger. */
function growsLikeSize(from: number, to: number): Goal['isMet'] {
  return ({ value }, others) => {
    const smaller = others.get(`fleet_${from}`)
    return smaller === undefined ? null : value / smaller.value <= to / from
  }
}

export const goals: readonly Goal[] = [
  ...[1, 10, 50].map((dependents) => latency('drain', dependents)),
  ...[1, 10, 50].map((dependents) => latency('undrain', dependents)),
  fleet(100, '–', () => null),
  fleet(1_000, '0.15 ×', ({ ratio }) => ratio <= 0.15),
  fleet(5_000, '5 × that of 1,000', growsLikeSize(1_000, 5_000)),
  {
    key: 'rollout_wave',
    unit: 'ms',
    value: 'a wave of 5 in a rollout over 50 hosts',
    reference: 'what its hosts take by themselves',
    goal: '+ 1,000 ms',
    isMet: ({ value, reference }) => value <= reference + 1_000,
  },
  {
    key: 'rollout_halt',
    unit: 'ms',
    value: "from a host's failure to a fleet at rest",
    reference: 'its own way back',
    goal: '2,000 ms',
    isMet: ({ value }) => value <= 2_000,
  },
  {
    key: 'link_kb',
    unit: 'KB',
    value: 'coordinator, private memory per link',
    reference: 'bare TLS-PSK WebSocket',
    goal: '60 KB',
    isMet: ({ value }) => value <= 60,
  },
  {
    key: 'agent_private_mb',
    unit: 'MB',
    value: 'agent, private memory, link up',
    reference: 'bare node',
    goal: '18 MB',
    isMet: ({ value }) => value <= 18,
  },
  {
    key: 'agent_rss_mb',
    unit: 'MB',
    value: 'agent, resident memory, link up',
    reference: 'bare node',
    goal: '–',
    isMet: () => null,
  },
  {
    key: 'agent_growth_mb',
    unit: 'MB',
    value: 'agent, growth over 40 drains of 50',
    reference: 'before them',
    goal: '2 MB',
    isMet: ({ value }) => value <= 2,
  },
  {
    key: 'agent_ready_ms',
    unit: 'ms',
    value: 'agent, start to READY',
    reference: 'node -e 0',
    goal: '200 ms',
    isMet: ({ value }) => value <= 200,
  },
  {
    key: 'agent_idle_cpu_ms',
    unit: 'ms',
    value: 'agent, processor time of an idle minute',
    reference: 'bare node',
    goal: '–',
    isMet: () => null,
  },
  {
    key: 'ctl_status',
    unit: 'ms',
    value: 'guardian ctl status',
    reference: 'node -e 0',
    goal: '3 ×',
    isMet: ({ ratio }) => ratio <= 3,
  },
  {
    key: 'lab_stop_ms',
    unit: 'ms',
    value: 'systemctl stop of PostgreSQL until it is told, less the slowest dependent',
    reference: 'without a gate',
    goal: '150 ms more',
    isMet: ({ value, reference }) => value <= reference + 150,
  },
  {
    key: 'lab_dead_peer_s',
    unit: 's',
    value: 'cut of a host’s cable until it is shown as lost',
    reference: 'heartbeat.lost',
    goal: '15 s',
    isMet: ({ value }) => value <= 15,
  },
  {
    key: 'lab_lost_s',
    unit: 's',
    value: 'power cut of the databases until every host has drained',
    reference: 'lostAfter',
    goal: '5 s more',
    isMet: ({ value, reference }) => value <= reference + 5,
  },
]
