import { pingDirect } from '../../daemon/direct.ts'
import type { PingAnswer } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { parseSelector } from '../../protocol/selector.ts'
import type { Context } from '../context.ts'
import { directHosts, directMandate } from './hosts.ts'

export async function pingDirectly(context: Context, selector = '*'): Promise<PingAnswer> {
  if (context.settings.direct === null) throw new Error('without --direct')
  const matches = parseSelector(selector)
  const hosts = (await directHosts(context.settings.direct)).filter(({ host }) => matches({ name: host, tags: [] }))
  const mandate = directMandate(context, 10_000)
  const pings = hosts.map(async (host) => {
    try {
      return { host: host.host, roundTripMs: await pingDirect(host, mandate), reason: '' }
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      return { host: host.host, roundTripMs: null, reason: cause.message }
    }
  })
  return { hosts: await Promise.all(pings) }
}
