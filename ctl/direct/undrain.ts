import { type DirectHost, statusDirect, undrainDirect } from '../../daemon/direct.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Hold } from '../../protocol/hold.ts'
import { commandLine, hostsByTarget } from '../command-line.ts'
import type { Context } from '../context.ts'
import { idBeginning } from '../hold-named.ts'
import { anyTarget, settledLine } from '../render/progress.ts'
import { type Asked, askEach, exitOfAsked, troublesOf } from './ask.ts'
import { directHosts, directMandate, hostText, refuseFlags } from './hosts.ts'
import { orderDirectly, targetsOf } from './order.ts'

interface Options {
  readonly target?: string | undefined
  readonly host?: string | undefined
  readonly hold?: string | undefined
  readonly force: boolean
  readonly wait: boolean
  readonly dryRun: boolean
  readonly trustV1: boolean
}

/** Releases the holds of direct drains, and no others; with --hold exactly that one, whoever owns it. */
export async function undrainDirectly(context: Context, options: Options): Promise<number> {
  const { settings } = context
  if (settings.direct === null) throw new Error('without --direct')
  refuseFlags({ '--host': options.host !== undefined, '--force': options.force, '--no-wait': !options.wait })
  const hosts = await directHosts(settings.direct)
  if (settings.direct.v1 && options.hold !== undefined)
    throw new GuardianError('bad-request', '--hold names what v1 hosts know nothing of: leave it or --v1 out')
  if (settings.direct.v1 && options.dryRun) return showHosts(context, hosts)
  if (options.hold !== undefined) return undrainHold(context, hosts, { ...options, hold: options.hold })
  if (options.dryRun) return showPlan(context, await askHolds(context, hosts), (one) => isOwn(one, options.target))
  return orderDirectly(context, {
    want: 'open',
    hosts,
    troubles: [],
    trustV1: options.trustV1,
    hold: null,
    undo: commandLine(settings.given, ['drain', ...(options.target === undefined ? [] : [options.target])]),
    order: (host, mandate, told) =>
      undrainDirect(host, mandate, { ...targetsOf(options.target), releases: ({ owner }) => owner === 'direct' }, told),
  })
}

interface HeldBy {
  readonly host: string
  readonly target: string
  readonly hold: Hold
}

function isOwn({ target, hold }: HeldBy, asked: string | undefined): boolean {
  return hold.owner === 'direct' && (asked === undefined || asked === target)
}

/** Orders the targets that carry the hold, and no other one: who else is shut is not this order's affair. */
async function undrainHold(
  context: Context,
  hosts: readonly DirectHost[],
  options: Options & { readonly hold: string },
): Promise<number> {
  const asked = await askHolds(context, hosts)
  // Given up while asking: nothing was sent.
  if (context.signal.aborted) throw new GuardianError('unreachable', 'interrupted', { sent: 'no' })
  const id = holdNamed(asked, options.hold)
  const carries = ({ hold }: HeldBy): boolean => hold.id === id
  if (options.dryRun) return showPlan(context, asked, carries)
  const seats = holdsIn(asked).filter(carries)
  if (id === null && !context.settings.json) context.print([`no host that answers has hold ${options.hold}`])
  return orderDirectly(context, {
    want: 'open',
    hosts: hosts.filter(({ host }) => seats.some((seat) => seat.host === host)),
    troubles: troublesOf(asked),
    trustV1: options.trustV1,
    hold: null,
    undo: drainAgain(context, hosts, seats),
    order: (host, mandate, told) => {
      const targets = seats.filter((seat) => seat.host === host.host).map(({ target }) => target)
      return undrainDirect(host, mandate, { targets, shownAs: anyTarget, releases: (one) => one.id === id }, told)
    },
  })
}

function drainAgain({ settings }: Context, hosts: readonly DirectHost[], seats: readonly HeldBy[]): string | null {
  const commands = [...hostsByTarget(seats)].map(([target, names]) => {
    const list = hosts.filter(({ host }) => names.includes(host)).map(hostText)
    return commandLine({ ...settings.given, '--hosts': list.join(',') }, ['drain', target])
  })
  return commands.length === 0 ? null : commands.join('; ')
}

type Holds = readonly Asked<readonly HeldBy[]>[]

function askHolds(context: Context, hosts: readonly DirectHost[]): Promise<Holds> {
  const mandate = directMandate(context, 10_000)
  return askEach(hosts, async (host) => {
    const { report } = await statusDirect(host, mandate)
    return report.targets.flatMap(({ target, holds }) => holds.map((hold) => ({ host: host.host, target, hold })))
  })
}

function holdsIn(asked: Holds): readonly HeldBy[] {
  return asked.flatMap(({ answer }) => answer ?? [])
}

/** Null where only a host that cannot be asked may have it. A misspelt id would release nothing and look like success. */
function holdNamed(asked: Holds, text: string): string | null {
  const found = holdsIn(asked).map(({ hold }) => hold)
  const id = idBeginning(
    found.map((hold) => hold.id),
    text,
  )
  if (id !== null || troublesOf(asked).length > 0) return id
  const known = [...new Set(found.map((hold) => `${hold.id} (${hold.owner})`))]
  throw new GuardianError('unknown-hold', `--hold ${text}: no host has it; they have ${known.join(', ') || 'none'}`)
}

function showHosts(context: Context, hosts: readonly DirectHost[]): number {
  const names = hosts.map(({ host }) => host)
  if (context.settings.json) context.printJson({ hosts: names })
  else context.print([`would undrain ${names.join(', ')}; nobody was contacted, for v1 hosts cannot tell their holds`])
  return 0
}

function showPlan(context: Context, asked: Holds, releases: (one: HeldBy) => boolean): number {
  const found = holdsIn(asked).filter(releases)
  const troubles = troublesOf(asked)
  if (context.settings.json) {
    const release = found.map(({ host, target, hold }) => ({ host, target, hold: hold.id }))
    context.printJson({ release, troubles })
  } else {
    const none = troubles.length === 0 ? 'would release nothing' : 'no host that answers has anything to release'
    const lines = found.map(
      ({ host, target, hold }) => `would release ${hold.id} (${hold.owner}) of ${target} on ${host}`,
    )
    const away = troubles.map((one) => settledLine(context.style, 'open', one, false))
    context.print([...(lines.length === 0 ? [none] : lines), ...away, 'nothing was ordered'])
  }
  return exitOfAsked(asked)
}
