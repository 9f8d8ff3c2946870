import { monotonicMs, wallMs } from '../../daemon/clock.ts'
import type { PingAnswer } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { parseSelector } from '../../protocol/selector.ts'
import type { HostSpec } from '../core/state.ts'
import { fleetStatus, holdStatus, hostStatus } from '../core/status.ts'
import type { Api, ApiParts } from './api.ts'
import { operations } from './operations.ts'

const pingLimitMs = 3_000

/** What stands: the fleet, its hosts, its holds. */
export function addFleetRoutes(app: Api, { read, measure }: ApiParts): void {
  const { status, hosts, host, holds, ping } = operations
  app.get(status.url, { config: status }, () => fleetStatus(read(), monotonicMs(), wallMs()))
  app.get(hosts.url, { config: hosts }, () => {
    const state = read()
    return [...state.plan.hosts.values()].map((spec) => hostStatus(state, spec, monotonicMs()))
  })
  app.get(host.url, { config: host, schema: { params: host.params } }, ({ params }) => {
    const state = read()
    const spec = state.plan.hosts.get(params.host)
    if (spec !== undefined) return hostStatus(state, spec, monotonicMs())
    throw new GuardianError('unknown-host', `no host named ${params.host}; see "guardian ctl hosts"`, { ...params })
  })
  app.get(holds.url, { config: holds }, () => {
    const state = read()
    return [...state.holds.values()].map((hold) => holdStatus(state, hold, monotonicMs()))
  })
  app.get(ping.url, { config: ping, schema: { querystring: ping.querystring } }, async ({ query }) => {
    const matches = parseSelector(query.selector)
    const selected = [...read().plan.hosts.values()].filter(matches)
    if (selected.length === 0) {
      throw new GuardianError('nothing-selected', `no host matches ${query.selector}; see "guardian ctl hosts"`)
    }
    const answer: PingAnswer = { hosts: await Promise.all(selected.map(pingOne)) }
    return answer
  })

  async function pingOne({ name }: HostSpec): Promise<PingAnswer['hosts'][number]> {
    const roundTripMs = await measure(name, pingLimitMs)
    const link = read().hosts.get(name)?.link
    const silent = link?.is === 'down' ? link.reason : `no answer in ${pingLimitMs / 1_000} s`
    return { host: name, roundTripMs, reason: roundTripMs === null ? silent : '' }
  }
}
