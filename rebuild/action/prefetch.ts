import * as v from 'valibot'
import { reasonOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import { asMessage, unitName } from '../../protocol/names.ts'
import type { JobOrder, JobResults } from '../../protocol/rebuild.ts'
import { holderOf } from '../adapters/lock.ts'
import { hostFaults, systemFault } from '../core/checks.ts'
import { installableOf, refusalsOf } from '../core/order.ts'
import { actionOf } from '../core/plan.ts'
import type { World } from '../world.ts'

type Prefetch = NonNullable<JobResults['prefetch']>

const dryLimitMs = 120_000
const linesMax = 1_000

/**
 * Brings the system here, and says what it would do. Nothing that runs is touched, so only the writing of what was found
 * is `alone` among the actions.
 */
export async function prefetch(world: World, order: JobOrder, alone: () => Promise<AsyncDisposable>): Promise<void> {
  const { memory, places } = world
  const { job, adopt } = order
  // Where it goes back to is settled once it has begun.
  if ((await memory.results(job)).activation !== null) return
  const previous = await places.storePathOf(places.current)
  const found = await look(world, order, previous)
  await using _alone = await alone()
  if ((await memory.results(job)).activation !== null) return
  await memory.write(job, 'prefetch', { ...blank, ...found, adopt, previous, blockers: told(found.blockers) })
}

const blank = { system: null, action: null, rebootReasons: [], bootOnce: false, touches: [] }

type Found = Partial<Omit<Prefetch, 'blockers'>> & { readonly blockers: readonly string[] }

async function look(world: World, order: JobOrder, previous: string | null): Promise<Found> {
  const refusals = refusalsOf(order, world.config)
  if (refusals.length > 0) return { blockers: refusals }
  const faults = await faultsOf(world, order.adopt)
  if (previous === null) return { blockers: faults }
  const system = await bring(world, order, previous).catch((cause: unknown) => {
    if (cause instanceof GuardianError) return cause
    throw cause
  })
  if (system instanceof GuardianError) return { blockers: [...faults, reasonOf(system)] }
  const fault = await faultOf(world, order, system)
  if (fault !== null) return { blockers: [fault, ...faults] }
  return { ...(await plan(world, order, system, previous)), system, blockers: faults }
}

/** What stands in the way of any switch here. */
export async function faultsOf(
  { config, places, systems, nix, memory, run }: World,
  adopt: boolean,
): Promise<readonly string[]> {
  const [current, profile, committed, lockHolder] = await Promise.all([
    places.storePathOf(places.current),
    nix.profile(),
    memory.committed(),
    holderOf(places.at(`${config.runDir}/nixos/switch-to-configuration.lock`), run),
  ])
  const { nix: nixMiB, boot: bootMiB } = config.freeMiB
  const wanted = [
    { place: '/nix/store', wantedMiB: nixMiB },
    { place: config.boot, wantedMiB: bootMiB },
  ]
  const free = await Promise.all(
    wanted.map(async (each) => ({ ...each, freeMiB: (await systems.freeMiB(each.place)) ?? each.wantedMiB })),
  )
  return hostFaults({ current, profile, committed, adopt, lockHolder, free })
}

/** Both ends are kept from collection for as long as the job is. @throws GuardianError where it cannot be had */
async function bring(
  { nix, config, program }: World,
  { source, job }: JobOrder,
  previous: string,
): Promise<string | null> {
  await nix.keep(previous, job, 'old')
  for (const [at, part] of program.entries()) await nix.keep(part, job, `program-${at}`)
  if (source.mode === 'flake') return await nix.build(installableOf(source.flake, source.revision, config.host), job)
  await nix.realise(source.system, job, 'new')
  return source.system
}

async function faultOf(
  { systems, nix, config }: World,
  { source }: JobOrder,
  system: string | null,
): Promise<string | null> {
  if (system === null) return 'what was built is no path of the store'
  const isAsked = source.mode === 'closure' && config.closure === 'signed'
  const signed = isAsked ? await nix.isSigned(system) : null
  return systemFault({ ...(await systems.facts(system)), signed }, config.host)
}

async function plan(
  world: World,
  { job }: JobOrder,
  system: string | null,
  previous: string,
): Promise<Partial<Prefetch>> {
  if (system === null) return {}
  const { places, systems, nix, loader, memory } = world
  const booted = await places.storePathOf(places.booted)
  const { action, rebootReasons } = actionOf({
    system,
    current: previous,
    profile: await nix.profile(),
    next: await systems.kernelside(system),
    booted: await systems.kernelside(booted),
    inhibitors: { next: await systems.inhibitors(system), current: await systems.inhibitors(previous) },
  })
  const dry = await world.switchTo(system, 'dry-activate', dryLimitMs)
  const lines = [
    ...(await nix.difference(previous, system)),
    ...`${dry.out}\n${dry.err}`.split('\n').filter((line) => line.trim() !== ''),
  ]
  await memory.write(job, 'plan', {
    atMs: Date.now(),
    lines: lines.slice(0, linesMax).map((line) => line.slice(0, 2_000)),
  })
  const bootOnce = await loader.canOnce()
  return { action, rebootReasons: told(rebootReasons), bootOnce, touches: touchesIn(`${dry.out}\n${dry.err}`) }
}

/** For people, and to see whether a database is among them: what is decided is decided by what runs in the end. */
export function touchesIn(text: string): string[] {
  const lists = [...text.matchAll(/would (?:stop|restart|start|reload) the following units: (.+)/g)]
  const units = lists.flatMap(([, list = '']) => list.split(/,\s*/).map((unit) => unit.trim()))
  return [...new Set(units)].filter((unit) => v.is(unitName, unit)).slice(0, limits.dependentsMax)
}

function told(texts: readonly string[]): string[] {
  return texts.slice(0, 16).map(asMessage)
}
