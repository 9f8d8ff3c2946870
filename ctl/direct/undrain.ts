import { type DirectHost, statusDirect, undrainDirect } from '../../daemon/direct.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Hold } from '../../protocol/hold.ts'
import type { Context } from '../context.ts'
import { anyTarget } from '../render/progress.ts'
import { directHosts, directMandate, refuseFlags } from './hosts.ts'
import { orderDirectly } from './order.ts'

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
  const { hold } = options
  const releases = (one: Hold): boolean => (hold === undefined ? one.owner === 'direct' : one.id === hold)
  if (options.dryRun) return showPlan(context, hosts, releases)
  if (hold !== undefined && !settings.direct.v1) await refuseUnknown(context, hosts, hold)
  return orderDirectly(context, {
    want: 'open',
    hosts,
    trustV1: options.trustV1,
    hold: null,
    undo: `guardian ctl --direct --hosts ${settings.direct.hosts} drain`,
    order: (host, mandate, told) =>
      undrainDirect(
        host,
        mandate,
        { target: options.target ?? null, v1Target: options.target ?? anyTarget, releases },
        told,
      ),
  })
}

interface HeldBy {
  readonly host: string
  readonly target: string
  readonly hold: Hold
}

/** Every hold on every host that can be asked. */
async function holdsOn(context: Context, hosts: readonly DirectHost[]): Promise<readonly HeldBy[]> {
  const mandate = directMandate(context, 10_000)
  const found = hosts.map(async (host): Promise<readonly HeldBy[]> => {
    if (host.protocol === 'v1') return []
    const { report } = await statusDirect(host, mandate)
    return report.targets.flatMap(({ target, holds }) => holds.map((hold) => ({ host: host.host, target, hold })))
  })
  return (await Promise.allSettled(found)).flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
}

async function showPlan(
  context: Context,
  hosts: readonly DirectHost[],
  releases: (hold: Hold) => boolean,
): Promise<number> {
  const found = (await holdsOn(context, hosts)).filter(({ hold }) => releases(hold))
  if (context.settings.json)
    context.printJson({ release: found.map(({ host, target, hold }) => ({ host, target, hold: hold.id })) })
  else {
    const lines = found.map(
      ({ host, target, hold }) => `would release ${hold.id} (${hold.owner}) of ${target} on ${host}`,
    )
    context.print([...(lines.length === 0 ? ['would release nothing'] : lines), 'nothing was ordered'])
  }
  return 0
}

// A misspelt id would release nothing and look as if somebody else held the host.
async function refuseUnknown(context: Context, hosts: readonly DirectHost[], hold: string): Promise<void> {
  const found = await holdsOn(context, hosts)
  if (found.some((one) => one.hold.id === hold)) return
  const known = [...new Set(found.map((one) => `${one.hold.id} (${one.hold.owner})`))]
  throw new GuardianError(
    'unknown-hold',
    `--hold ${hold}: no host that answers has it; they have ${known.join(', ') || 'none'}`,
  )
}
