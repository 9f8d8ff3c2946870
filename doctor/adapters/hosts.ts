import { readLinkKeys } from '../../coordinator/adapters/link-keys.ts'
import type { CoordinatorConfig, HostDial } from '../../coordinator/config.ts'
import { build } from '../../daemon/build.ts'
import { dialAgent } from '../../daemon/dial.ts'
import type { FleetStatus, HostStatus } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { HostFacts } from '../core/fleet.ts'
import { getPage } from './door.ts'

const dialLimitMs = 5_000
const atOnceMax = 64

type Keys = Awaited<ReturnType<typeof readLinkKeys>>

/** Every host as the coordinator has it; those that it does not reach, or all where it is silent, are dialled from here. */
export async function readHosts(config: CoordinatorConfig, status: FleetStatus | null): Promise<readonly HostFacts[]> {
  const keys = await readLinkKeys(config).catch((cause: unknown) => {
    // What is wrong with a key has a finding of its own.
    if (cause instanceof GuardianError) return null
    throw cause
  })
  const told = new Map(status?.hosts.map((host) => [host.name, host]))
  const waiting = [...config.dials.values()]
  const read: HostFacts[] = []
  async function work(): Promise<void> {
    for (let dial = waiting.shift(); dial !== undefined; dial = waiting.shift()) {
      const facts = await readHost(dial, told.get(dial.host) ?? null, keys)
      if (facts !== null) read.push(facts)
    }
  }
  await Promise.all(Array.from({ length: atOnceMax }, work))
  return read.sort((a, b) => a.host.localeCompare(b.host))
}

/** Null where nothing can be told of it from here. */
async function readHost(dial: HostDial, told: HostStatus | null, keys: Keys | null): Promise<HostFacts | null> {
  const { host, address, port } = dial
  const seen =
    told?.connected === true
      ? { link: { is: 'up' } as const, build: told.build }
      : dial.protocol === 'v1' || keys === null
        ? unheard(told)
        : await dialled(dial, keys)
  if (seen === null) return null
  // A v1 server has no pages, and whoever cannot be reached is not asked a second time.
  const isAsked = dial.protocol === 'v2' && seen.link.is !== 'unreachable'
  const clock = isAsked
    ? await getPage(address, port, '/healthz').then(
        (page) => page.clock,
        () => null,
      )
    : null
  return { host, address, port, ...seen, clock }
}

type Seen = Pick<HostFacts, 'link' | 'build'>

function unheard(told: HostStatus | null): Seen | null {
  return told === null ? null : { link: { is: 'unreachable', reason: told.reason }, build: null }
}

async function dialled({ host, address, port, ...dial }: HostDial, keys: Keys): Promise<Seen> {
  try {
    const link = await dialAgent({
      ...{ host, address, port, build, limitMs: dialLimitMs },
      keys: keys.keysOf({ host, address, port, ...dial }),
      ...(keys.tls === null ? {} : { tls: keys.tls }),
      authority: { kind: 'direct', operator: 'doctor' },
    })
    link.close()
    return { link: { is: 'up' }, build: link.hello.build }
  } catch (cause) {
    if (!(cause instanceof GuardianError)) throw cause
    const reason = cause.message.startsWith(`${host}: `) ? cause.message.slice(host.length + 2) : cause.message
    return { link: { is: cause.code === 'unauthorised' ? 'refused' : 'unreachable', reason }, build: null }
  }
}
