import { Counter, Histogram, type Registry } from '../../daemon/metrics.ts'
import { type Outcome, outcomes } from '../../protocol/v2/command.ts'
import type { AgentMessage, ClientMessage } from '../../protocol/v2.ts'

const actions = ['drain', 'undrain'] as const
/** More than hosts have under way; what is beyond them is of agents that never answer. */
const runningMax = 20_000

const v1Outcomes = ['ok', 'failed'] as const

interface Running {
  readonly host: string
  readonly action: 'drain' | 'undrain'
  readonly sentMs: number
}

/** Counts orders by what became of them, and how long that took. */
export interface OrderMeter {
  sent(host: string, message: ClientMessage): void
  told(message: AgentMessage): void
  toldV1(action: 'drain' | 'undrain', ok: boolean): void
  /** Orders that the link took with it have no outcome. */
  lost(host: string): void
}

export function addOrderMetrics(registry: Registry): OrderMeter {
  const registers = [registry]
  const finished = new Counter({
    name: 'guardian_orders_total',
    help: 'Orders answered by hosts, by outcome.',
    labelNames: ['action', 'outcome'],
    registers,
  })
  const finishedV1 = new Counter({
    name: 'guardian_v1_orders_total',
    help: 'Orders answered by hosts of protocol v1, by outcome.',
    labelNames: ['action', 'outcome'],
    registers,
  })
  const took = new Histogram({
    name: 'guardian_order_duration_seconds',
    help: 'From an order to its answer.',
    labelNames: ['action'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
    registers,
  })
  for (const action of actions) {
    for (const outcome of outcomes) finished.inc({ action, outcome }, 0)
    for (const outcome of v1Outcomes) finishedV1.inc({ action, outcome }, 0)
    took.zero({ action })
  }
  const running = new Map<string, Running>()

  function finish(command: string, outcome: Outcome): void {
    const order = running.get(command)
    if (order === undefined) return
    running.delete(command)
    finished.inc({ action: order.action, outcome })
    took.observe({ action: order.action }, (performance.now() - order.sentMs) / 1_000)
  }

  return {
    sent(host, message) {
      if (message.type === 'command') {
        running.set(message.id, { host, action: message.action, sentMs: performance.now() })
        if (running.size <= runningMax) return
        const [oldest = ''] = running.keys()
        running.delete(oldest)
      }
    },
    told(message) {
      if (message.type === 'response') finish(message.id, message.outcome)
    },
    toldV1(action, ok) {
      finishedV1.inc({ action, outcome: ok ? 'ok' : 'failed' })
    },
    lost(host) {
      for (const [command, order] of running) if (order.host === host) running.delete(command)
    },
  }
}
