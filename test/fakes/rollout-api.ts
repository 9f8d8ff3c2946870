import * as v from 'valibot'
import { GuardianError } from '../../protocol/errors.ts'
import {
  type PlanRequest,
  type PolicyList,
  planRequest,
  type RolloutEvent,
  type RolloutExplanation,
  type RolloutList,
  type RolloutLogLine,
  type RolloutOrder,
  type RolloutStatus,
  rolloutOrder,
  type StartRequest,
  startRequest,
} from '../../protocol/rollout/api.ts'

/** The part of a coordinator's API that rebuilds a fleet, with nothing behind it but what the test says. */
export class FakeRollouts {
  readonly plans: PlanRequest[] = []
  readonly starts: { readonly id: string; readonly request: StartRequest }[] = []
  readonly orders: { readonly id: string; readonly order: RolloutOrder }[] = []
  readonly events: RolloutEvent[] = []
  readonly logs: RolloutLogLine[] = []
  /** Lines of one answer. */
  linesMax = Number.POSITIVE_INFINITY
  readonly statuses = new Map<string, RolloutStatus>()
  policies: PolicyList = []
  explanation: RolloutExplanation | null = null
  onPlan: (request: PlanRequest) => RolloutStatus = () => refuse('no plan is expected')
  onStart: (id: string, request: StartRequest) => RolloutStatus = () => refuse('no start is expected')
  onOrder: (id: string, order: RolloutOrder) => RolloutStatus = () => refuse('no order is expected')

  /** Newest first, as they were told last. */
  list(): RolloutList {
    const number = (id: string): number => Number(id.slice(1))
    return [...this.statuses.values()]
      .sort((a, b) => number(b.id) - number(a.id))
      .map(({ id, is, reason, policy, createdMs, operator, message, revision, stages, settled }) => ({
        id,
        is,
        reason,
        policy,
        createdMs,
        endedMs: settled ? createdMs + 90_000 : null,
        operator,
        message,
        revision,
        hosts: stages.reduce((sum, { hosts }) => sum + hosts, 0),
        done: stages.reduce((sum, { ended }) => sum + ended, 0),
        run: null,
      }))
  }

  /** The answer to one request, or undefined where it is none of this part. */
  answer(method: string, url: URL, body: unknown): unknown {
    if (url.pathname === '/v1/policies') return this.policies
    if (/^\/v1\/hosts\/[^/]+\/rollout$/.test(url.pathname))
      return this.explanation ?? refuse('nothing is to be explained')
    const found = /^\/v1\/rollouts(?:\/(r\d+)(?:\/(\w+))?)?$/.exec(url.pathname)
    if (found === null) return undefined
    const [, id, what] = found
    if (id === undefined) return method === 'POST' ? this.#plan(v.parse(planRequest, body)) : this.#listFor(url)
    switch (what) {
      case undefined:
        return this.#status(id)
      case 'events':
        return this.events.filter(({ seq }) => seq > Number(url.searchParams.get('after') ?? 0))
      case 'logs':
        return this.logsFor(url)
      case 'start':
        this.starts.push({ id, request: v.parse(startRequest, body) })
        return this.#keep(this.onStart(id, v.parse(startRequest, body)))
      case 'order':
        this.orders.push({ id, order: v.parse(rolloutOrder, body) })
        return this.#keep(this.onOrder(id, v.parse(rolloutOrder, body)))
      default:
        return undefined
    }
  }

  logsFor({ searchParams: query }: URL): readonly RolloutLogLine[] {
    const fits = this.logs.filter(
      ({ host, stream, seq }) =>
        host === (query.get('host') ?? host) &&
        stream === (query.get('stream') ?? stream) &&
        seq > Number(query.get('after') ?? 0),
    )
    const last = query.get('last')
    return last === null ? fits.slice(0, this.linesMax) : fits.slice(-Number(last))
  }

  #plan(request: PlanRequest): RolloutStatus {
    this.plans.push(request)
    return this.#keep(this.onPlan(request))
  }

  #keep(status: RolloutStatus): RolloutStatus {
    this.statuses.set(status.id, status)
    return status
  }

  #status(id: string): RolloutStatus {
    return this.statuses.get(id) ?? refuse(`no rollout ${id}`, 'unknown-rollout')
  }

  #listFor({ searchParams }: URL): RolloutList {
    const host = searchParams.get('host')
    if (host === null) return this.list()
    return this.list().map((one) => {
      const run = this.statuses.get(one.id)?.hosts.find((run) => run.host === host)
      return { ...one, run: run === undefined ? null : { is: run.is, reason: run.reason } }
    })
  }
}

function refuse(text: string, code: 'internal' | 'unknown-rollout' = 'internal'): never {
  throw new GuardianError(code, text)
}
