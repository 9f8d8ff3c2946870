import { build } from '../../daemon/build.ts'
import { wallMs } from '../../daemon/clock.ts'
import {
  type DirectHost,
  type DirectMandate,
  type DirectStatus,
  pingDirect,
  statusDirect,
} from '../../daemon/direct.ts'
import type { HostStatus } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Context } from '../context.ts'
import { carriedHolds } from '../render/hold-list.ts'
import { anyTarget } from '../render/progress.ts'
import { type FleetView, statusLines } from '../render/status.ts'
import { directHosts, directMandate } from './hosts.ts'

/** What the agents say themselves, in the picture of a coordinator's status. */
export async function showDirectly(context: Context): Promise<number> {
  if (context.settings.direct === null) throw new Error('without --direct')
  const places = await directHosts(context.settings.direct)
  const mandate = directMandate(context, 10_000)
  const hosts = await Promise.all(places.map((place) => hostStatusOf(place, mandate)))
  const fleet: FleetView = {
    claim: null,
    build,
    nowMs: wallMs(),
    superseded: null,
    awaiting: [],
    hosts,
    holds: carriedHolds(hosts),
    resources: [],
  }
  if (context.settings.json) context.printJson(fleet)
  else context.print(statusLines(context.style, fleet))
  return hosts.every(({ connected }) => connected) ? 0 : 4
}

async function hostStatusOf(place: DirectHost, mandate: DirectMandate): Promise<HostStatus> {
  const head = { name: place.host, address: place.address, tags: [], protocol: place.protocol, sinceMs: 0 }
  const silent = { build: null, bootId: null, targets: [untold] }
  try {
    // v1 has no status: that it answers is all it can say.
    if (place.protocol === 'v1')
      return { ...head, ...silent, connected: true, reason: '', roundTripMs: await pingDirect(place, mandate) }
    return { ...head, connected: true, reason: '', ...factsOf(await statusDirect(place, mandate)) }
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    return { ...head, ...silent, connected: false, reason: cause.message, roundTripMs: null }
  }
}

function factsOf({
  hello,
  report,
  roundTripMs,
}: DirectStatus): Pick<HostStatus, 'build' | 'bootId' | 'targets' | 'roundTripMs'> {
  const targets = report.targets.map((one) => ({
    ...one,
    want: one.holds.length > 0 ? ('drained' as const) : ('open' as const),
  }))
  return { build: hello.build, bootId: hello.bootId, roundTripMs, targets }
}

const untold: HostStatus['targets'][number] = {
  target: anyTarget,
  want: 'open',
  is: null,
  holds: [],
  dependents: [],
  waitingFor: '',
  failed: [],
  breaches: 0,
  durable: true,
}
