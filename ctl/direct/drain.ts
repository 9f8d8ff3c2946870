import { randomId, wallMs } from '../../daemon/clock.ts'
import { drainDirect } from '../../daemon/direct.ts'
import type { Hold } from '../../protocol/hold.ts'
import { commandLine } from '../command-line.ts'
import type { Context } from '../context.ts'
import { directHosts, refuseFlags } from './hosts.ts'
import { orderDirectly, targetsOf } from './order.ts'

interface Options {
  readonly target?: string | undefined
  readonly host?: string | undefined
  readonly message: string
  readonly for?: number | undefined
  readonly wait: boolean
  readonly dryRun: boolean
  readonly trustV1: boolean
}

export async function drainDirectly(context: Context, options: Options): Promise<number> {
  const { settings } = context
  if (settings.direct === null) throw new Error('without --direct')
  // A hold of an agent has no end of its own: nobody would be there to release it.
  refuseFlags({ '--host': options.host !== undefined, '--for': options.for !== undefined, '--no-wait': !options.wait })
  const hosts = await directHosts(settings.direct)
  const id = `direct/${randomId()}`
  if (options.dryRun) {
    const names = hosts.map(({ host }) => host)
    if (settings.json) context.printJson({ hosts: names })
    else context.print([`would drain ${options.target ?? 'every target'} on ${names.join(', ')}; nobody was contacted`])
    return 0
  }
  const hold: Hold = { id, owner: 'direct', message: options.message, sinceMs: wallMs(), selector: '*', except: [] }
  // A v1 host knows no holds.
  const undone = !settings.direct.v1 ? ['--hold', id] : options.target === undefined ? [] : [options.target]
  return orderDirectly(context, {
    want: 'drained',
    hosts,
    troubles: [],
    trustV1: options.trustV1,
    hold: id,
    undo: commandLine(settings.given, ['undrain', ...undone]),
    order: (host, mandate, told) => drainDirect(host, mandate, { ...targetsOf(options.target), hold }, told),
  })
}
