import type { FleetStatus, HoldStatus } from '../../protocol/api.ts'
import { formatDuration } from '../../protocol/duration.ts'
import { parseSelector } from '../../protocol/selector.ts'
import { error, type Finding, listed, warning } from './finding.ts'
import { dayMs } from './marker.ts'

/** One host as it is seen from the coordinator's. */
export interface HostFacts {
  readonly host: string
  readonly address: string
  readonly port: number
  readonly link: { readonly is: 'up' } | { readonly is: 'unreachable' | 'refused'; readonly reason: string }
  /** Null where nobody said. */
  readonly build: string | null
  readonly clock: ClockSample | null
}

/** An answer's Date header, and this host's clock before and after. */
export interface ClockSample {
  readonly sentMs: number
  readonly receivedMs: number
  readonly dateMs: number
}

const apartMs = 5_000
/** Whole seconds, of a text that is made anew once a second. */
const dateMarginMs = 2_000

/** How far another clock is ahead of this one at least; negative where it is behind, 0 where it may be the same. */
export function aheadMs({ sentMs, receivedMs, dateMs }: ClockSample): number {
  if (dateMs > receivedMs) return dateMs - receivedMs
  return Math.min(0, dateMs + dateMarginMs - sentMs)
}

export function hostFindings(hosts: readonly HostFacts[], build: string): readonly Finding[] {
  return hosts.flatMap((host) => [...ofLink(host), ...ofBuild(host, build), ...ofClock(host)])
}

function* ofLink({ host, address, port, link }: HostFacts): Generator<Finding> {
  if (link.is === 'up') return
  if (link.is === 'refused') {
    yield error('host-refuses', {
      found: `${host} does not accept the key of this coordinator: ${link.reason}`,
      wanted: 'the key that is derived from the fleet’s for this host (or the fleet’s own, with "keys": "shared")',
      run: [`guardian keygen --host ${host} --psk-file FLEETKEY --out ${host}.key, and put it in its pskFile`],
    })
    return
  }
  yield error('host-unreachable', {
    found: `${host} (${address} port ${port}) cannot be reached: ${link.reason}`,
    wanted: 'a link to every host; a drain of this one ends as unreachable',
    run: [`on ${host}: guardian doctor`, `from here: nc -vz ${address} ${port}`],
  })
}

function* ofBuild({ host, build }: HostFacts, wanted: string): Generator<Finding> {
  if (build === null || build === wanted) return
  yield warning('host-build-apart', {
    found: `the agent of ${host} is ${build}, this coordinator ${wanted}`,
    wanted: 'the same; an agent may be one version ahead while a fleet is upgraded',
    run: [`upgrade guardian on ${host}, and restart io-guardian.service there: that drains nothing`],
  })
}

function* ofClock({ host, clock }: HostFacts): Generator<Finding> {
  const ms = clock === null ? 0 : aheadMs(clock)
  if (Math.abs(ms) < apartMs) return
  yield warning('clock-apart', {
    found: `the clock of ${host} is ${formatDuration(Math.abs(ms))} ${ms > 0 ? 'ahead of' : 'behind'} this one`,
    wanted: 'the same time everywhere: the ages of holds and the times in logs are wrong otherwise',
    run: [`on ${host} and here: timedatectl timesync-status`],
  })
}

export interface WaveFacts {
  readonly target: string
  readonly selectors: readonly string[]
  readonly hosts: readonly { readonly name: string; readonly tags: readonly string[] }[]
}

export function waveFindings({ target, selectors, hosts }: WaveFacts): readonly Finding[] {
  return selectors
    .filter((selector) => !hosts.some(parseSelector(selector)))
    .map((selector) =>
      warning('wave-empty', {
        found: `targets.${target}.waves: no host matches ${JSON.stringify(selector)}`,
        wanted: 'hosts in every wave; those that no selector matches are drained last',
        run: ['correct the selector, or the tags of the hosts that it means'],
      }),
    )
}

/** What the coordinator itself says of its fleet. */
export function statusFindings(status: FleetStatus): readonly Finding[] {
  const { superseded, awaiting, holds, nowMs } = status
  return [
    ...(superseded === null ? [] : [supersededBy(superseded)]),
    ...(awaiting.length === 0 ? [] : [awaited(awaiting)]),
    ...holds.flatMap((hold) => [...ofHold(hold, nowMs)]),
  ]
}

function supersededBy({ host, seen }: NonNullable<FleetStatus['superseded']>): Finding {
  return error('superseded', {
    found: `this coordinator is superseded and orders nothing: ${host} has seen epoch ${seen.epoch} of another one`,
    wanted: 'one coordinator, with the newest store',
    run: ['stop the other one if it runs; then: guardian coordinator takeover'],
  })
}

function awaited(hosts: readonly string[]): Finding {
  return warning('hosts-awaited', {
    found: `after a takeover nothing is opened before ${listed(hosts)} ${hosts.length === 1 ? 'has' : 'have'} reported`,
    wanted: 'every host has reported, or is excused',
    run: ['guardian coordinator takeover --help'],
  })
}

function* ofHold(hold: HoldStatus, nowMs: number): Generator<Finding> {
  const { id, owner, message, sinceMs, orphan, persisted, hosts } = hold
  const why = message === '' ? '' : ` (${message})`
  const whom = hosts.length === 0 ? 'no host' : listed(hosts)
  const release = [`guardian ctl undrain --hold ${id}`]
  if (!persisted) {
    yield error('hold-not-persisted', {
      found: `the hold of ${owner}${why} could not be stored`,
      wanted: 'a disk that can be written: see the coordinator’s log',
      run: ['df -h /var/lib/io-guardian-coordinator'],
    })
  }
  if (orphan) {
    yield error('hold-orphan', {
      found: `an orphan hold of ${owner}${why} keeps ${whom} drained: this store never gave it, hosts brought it`,
      wanted: 'released, once somebody has made sure that nobody needs it any more',
      run: release,
    })
  } else if (nowMs - sinceMs >= dayMs) {
    yield warning('hold-old', {
      found: `${owner} has held ${whom} for ${formatDuration(nowMs - sinceMs)}${why}`,
      wanted: 'a drain that somebody still wants',
      run: release,
    })
  }
}
