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
import type { Context } from '../context.ts'
import { carriedHolds } from '../render/hold-list.ts'
import { anyTarget } from '../render/progress.ts'
import { type FleetView, statusLines } from '../render/status.ts'
import { type Asked, askEach, exitOfAsked } from './ask.ts'
import { directHosts, directMandate, refuseFlags } from './hosts.ts'

/** What the agents say themselves, in the picture of a coordinator's status. */
export async function showDirectly(context: Context, { watch }: { readonly watch: boolean }): Promise<number> {
  if (context.settings.direct === null) throw new Error('without --direct')
  refuseFlags({ '--watch': watch })
  const places = await directHosts(context.settings.direct)
  const mandate = directMandate(context, 10_000)
  const asked = await askEach(places, (place) => factsFrom(place, mandate))
  const hosts = asked.map(hostStatusOf)
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
  return exitOfAsked(asked)
}

type Facts = Pick<HostStatus, 'build' | 'bootId' | 'targets' | 'roundTripMs'>

function hostStatusOf({ host: place, answer, trouble }: Asked<Facts>): HostStatus {
  const head = { name: place.host, address: place.address, tags: [], protocol: place.protocol, sinceMs: 0 }
  return trouble === null
    ? { ...head, connected: true, reason: '', ...answer }
    : { ...head, ...silent, connected: false, reason: trouble.reason, roundTripMs: null }
}

async function factsFrom(place: DirectHost, mandate: DirectMandate): Promise<Facts> {
  // v1 has no status: that it answers is all it can say.
  if (place.protocol === 'v1') return { ...silent, roundTripMs: await pingDirect(place, mandate) }
  return factsOf(await statusDirect(place, mandate))
}

function factsOf({ hello, report, roundTripMs }: DirectStatus): Facts {
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

const silent = { build: null, bootId: null, targets: [untold] }
