import * as v from 'valibot'
import type { ApiClient } from '../../daemon/api-client.ts'
import { exitOf } from '../../daemon/outcome.ts'
import { fleetStatus, type UndrainAnswer, type UndrainRequest, undrainAnswer } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { selectorText } from '../../protocol/hold.ts'
import { holdId, targetName } from '../../protocol/names.ts'
import { commandLine, drainAgain, type Place } from '../command-line.ts'
import type { Context, Run } from '../context.ts'
import { followProgress, postPatiently } from '../follow.ts'
import { idBeginning } from '../hold-named.ts'
import { type ReleaseView, releaseLines } from '../render/plan.ts'
import { counted } from '../render/style.ts'
import { summaryLines } from '../render/summary.ts'
import { decodeOptions } from '../settings.ts'
import { completed, openWatch } from '../watch.ts'
import { endWith } from './ending.ts'

const undrainOptions = v.object({
  host: v.optional(selectorText),
  hold: v.optional(holdId),
  force: v.optional(v.boolean(), false),
  wait: v.optional(v.boolean(), true),
  dryRun: v.optional(v.boolean(), false),
  trustV1: v.optional(v.boolean(), false),
})
type UndrainOptions = v.InferOutput<typeof undrainOptions> & { readonly target: string | undefined }

// A resource that does not come back keeps hosts shut for as long as it likes.
const defaultTimeoutMs = 5 * 60_000

export const run: Run = async (context, [word], from) => {
  const target =
    word === undefined ? undefined : decodeOptions(v.object({ target: targetName }), { target: word }).target
  const options = { ...decodeOptions(undrainOptions, from), target }
  refuseBoth(options)
  if (context.settings.direct !== null) {
    const { undrainDirectly } = await import('../direct/undrain.ts')
    return undrainDirectly(context, options)
  }
  const client = await context.client()
  const hold = options.hold === undefined ? null : await holdNamed(client, options.hold)
  const request: UndrainRequest = {
    ...(target !== undefined && { target }),
    selector: options.host ?? '*',
    ...(hold !== null && { hold: hold.id }),
    force: options.force,
    dryRun: options.dryRun,
  }
  const whole = await postPatiently(
    () => client.post('/v1/undrain', request, undrainAnswer, { signal: context.signal }),
    {
      patienceMs: context.world.patienceMs,
      signal: context.signal,
      // A selection would then take along what others have taken hold of in between.
      mayRepeat: hold !== null || options.dryRun,
    },
  )
  const answer = hold === null ? whole : onlyWithin(whole, hold)
  if (options.dryRun || !options.wait) return showRelease(context, answer, options)
  return watchUndrain(context, client, answer, { options, hold })
}

function refuseBoth({ hold, host, force, target }: UndrainOptions): void {
  const stray = host !== undefined ? '--host' : force ? '--force' : target !== undefined ? 'a target' : null
  if (hold === undefined || stray === null) return
  throw new GuardianError(
    'bad-request',
    `--hold releases one hold whole, so ${stray} beside it means nothing: leave one out`,
  )
}

/** Where a hold that is to be released lies. */
interface Reach {
  readonly id: string
  /** By `<host>/<target>`. */
  readonly seats: ReadonlyMap<string, Place>
}

const seatName = (host: string, target: string): string => `${host}/${target}`

/** A hold by its id or the first signs of it: the coordinator's, or one that only an agent has. */
async function holdNamed(client: ApiClient, text: string): Promise<Reach> {
  const { holds, hosts } = await client.get('/v1/status', fleetStatus)
  const reach = new Map<string, Map<string, Place>>()
  const add = (id: string, host: string, target: string): void => {
    reach.set(id, (reach.get(id) ?? new Map()).set(seatName(host, target), { host, target }))
  }
  for (const hold of holds) for (const host of hold.hosts) for (const target of hold.targets) add(hold.id, host, target)
  for (const { name, targets } of hosts)
    for (const seat of targets) for (const { id } of seat.holds) add(id, name, seat.target)
  for (const { id } of holds) if (!reach.has(id)) reach.set(id, new Map())
  const id = idBeginning(reach.keys(), text)
  if (id !== null) return { id, seats: reach.get(id) ?? new Map() }
  throw new GuardianError('unknown-hold', `--hold ${text}: there is no such hold; guardian ctl holds shows all of them`)
}

function viewOf({ dryRun, hold, force }: UndrainOptions): ReleaseView {
  return { dryRun, named: hold !== undefined, force }
}

function showRelease(context: Context, answer: UndrainAnswer, options: UndrainOptions): number {
  if (context.settings.json) context.printJson(answer)
  else {
    context.print(releaseLines(context.style, answer, viewOf(options)))
    const held = new Set(answer.stillHeld.map(({ host }) => host))
    const free = answer.hosts.filter((host) => !held.has(host))
    if (!options.dryRun) context.print([`${counted(free.length, 'host')} may open; nobody has waited for them`])
  }
  return answer.stillHeld.length > 0 ? 6 : 0
}

/** A release by id is answered for the whole fleet; only where the hold lay is it of interest. */
function onlyWithin(answer: UndrainAnswer, { seats }: Reach): UndrainAnswer {
  const names = new Set([...seats.values()].map(({ host }) => host))
  return {
    ...answer,
    hosts: answer.hosts.filter((host) => names.has(host)),
    stillHeld: answer.stillHeld.filter(({ host, target }) => seats.has(seatName(host, target))),
  }
}

async function watchUndrain(
  context: Context,
  client: ApiClient,
  answer: UndrainAnswer,
  { options, hold }: { readonly options: UndrainOptions; readonly hold: Reach | null },
): Promise<number> {
  if (!context.settings.json) context.print(releaseLines(context.style, answer, viewOf(options)))
  using watch = openWatch(context, 'open')
  const { ending, last } = await followProgress({
    client,
    query: { want: 'open', target: options.target, selector: options.host ?? '*' },
    keep: ({ host, target }) => hold === null || hold.seats.has(seatName(host, target)),
    timeoutMs: context.settings.timeoutMs ?? defaultTimeoutMs,
    patienceMs: context.world.patienceMs,
    signal: context.signal,
    told: ({ hosts }) => watch.show(hosts),
  })
  watch.finish()
  const hosts = completed(last, answer.hosts, options.target)
  const facts = { hosts, trustV1: options.trustV1, persisted: true, superseded: last?.superseded ?? false }
  const { released, narrowed, stillHeld } = answer
  return endWith(context, {
    ending,
    exit: exitOf(facts),
    undo: undoOf(context, answer, options, hold),
    json: { released, narrowed, stillHeld, want: 'open', elapsedMs: Math.round(watch.elapsedMs()), ...facts },
    summary: () =>
      summaryLines(context.style, { ...facts, want: 'open', elapsedMs: watch.elapsedMs(), hold: null, direct: false }),
  })
}

function undoOf(
  { settings: { given } }: Context,
  { released, narrowed }: UndrainAnswer,
  { target, host }: UndrainOptions,
  hold: Reach | null,
): string | null {
  if (released.length === 0 && narrowed.length === 0) return null
  if (hold !== null) return drainAgain(given, hold.seats.values())
  const hosts = host === undefined ? [] : ['--host', host]
  return commandLine(given, ['drain', ...(target === undefined ? [] : [target]), ...hosts])
}
