import { GuardianError } from '../../../protocol/errors.ts'
import type { RunStatus } from '../../../protocol/rollout/api.ts'
import type { Context, Run } from '../../context.ts'
import { paint, someOf } from '../../render/style.ts'
import { any, chosenId, idAndHost } from '../chosen.ts'
import { rolloutClient } from '../client.ts'
import { hostsByText, textByHost } from '../render/packages.ts'

/** The difference of the packages, and what a switch says that it would do. */
export const run: Run = async (context, words) => {
  const client = await rolloutClient(context)
  const { id: word, host } = idAndHost(words)
  const id = await chosenId(context, client, word, any)
  const { hosts } = await client.status(id)
  const run = hosts.find((one) => one.host === host)
  if (host !== undefined && run === undefined)
    throw new GuardianError(
      'unknown-host',
      `${host} has no part in ${id}: its hosts are ${someOf(hosts.map((one) => one.host))}`,
    )
  const logs = await client.logs(id, { host, stream: 'plan' })
  if (context.settings.json) context.printJson({ rollout: id, lines: logs })
  else context.print(diffLines(context, hosts, textByHost(logs)))
  return 0
}

function diffLines(
  { style }: Context,
  runs: readonly RunStatus[],
  byHost: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (byHost.size === 0) return ['no host has found anything out yet, or nothing differs']
  return hostsByText(byHost).flatMap(({ hosts, lines }, at) => [
    ...(at === 0 ? [] : ['']),
    paint(style, 'bold', hosts.join(', ')),
    ...runs.filter(({ host }) => hosts.includes(host)).flatMap(wayOf),
    ...lines.map((line) => `  ${line}`),
  ])
}

function wayOf({ previous, system, host }: RunStatus): readonly string[] {
  return previous === null || system === null ? [] : [`  ${host}: ${previous}`, `    → ${system}`]
}
