import { pingDirect } from '../../daemon/direct.ts'
import type { ExitCode } from '../../daemon/outcome.ts'
import type { PingAnswer } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { parseSelector } from '../../protocol/selector.ts'
import type { Context } from '../context.ts'
import { askEach, exitOfAsked } from './ask.ts'
import { directHosts, directMandate } from './hosts.ts'

export async function pingDirectly(
  context: Context,
  selector: string,
): Promise<{ readonly answer: PingAnswer; readonly exit: ExitCode }> {
  if (context.settings.direct === null) throw new Error('without --direct')
  const matches = parseSelector(selector)
  const places = await directHosts(context.settings.direct)
  const chosen = places.filter(({ host }) => matches({ name: host, tags: [] }))
  if (chosen.length === 0)
    throw new GuardianError('nothing-selected', `${selector} selects none of ${places.length} hosts: see --hosts`)
  const mandate = directMandate(context, 10_000)
  const asked = await askEach(chosen, (host) => pingDirect(host, mandate))
  const hosts = asked.map(({ host, answer, trouble }) => ({
    host: host.host,
    roundTripMs: answer,
    reason: trouble?.reason ?? '',
  }))
  return { answer: { hosts }, exit: exitOfAsked(asked) }
}
