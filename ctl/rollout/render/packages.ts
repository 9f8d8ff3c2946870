import type { RolloutLogLine, RolloutStatus } from '../../../protocol/rollout/api.ts'
import { clip, counted, harmless, paint, type Style, someOf } from '../../render/style.ts'

const shownMax = 8

/** What a host found out before anything was changed, by host. */
export function textByHost(logs: readonly RolloutLogLine[]): ReadonlyMap<string, readonly string[]> {
  const byHost = new Map<string, string[]>()
  for (const { host, text } of logs) {
    const lines = byHost.get(host) ?? []
    lines.push(harmless(text))
    byHost.set(host, lines)
  }
  return byHost
}

/** Hosts that found the same share a text. */
export function hostsByText(
  byHost: ReadonlyMap<string, readonly string[]>,
): readonly { readonly hosts: readonly string[]; readonly lines: readonly string[] }[] {
  const groups = new Map<string, { readonly hosts: string[]; readonly lines: readonly string[] }>()
  for (const [host, lines] of byHost) {
    const key = lines.join('\n')
    const group = groups.get(key) ?? { hosts: [], lines }
    group.hosts.push(host)
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** The packages that change, the first few of each group of hosts. */
export function packageLines(style: Style, { id }: RolloutStatus, logs: readonly RolloutLogLine[]): readonly string[] {
  const byHost = new Map([...textByHost(logs)].map(([host, lines]) => [host, lines.filter(isPackage)] as const))
  return hostsByText(byHost)
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ hosts, lines }) => {
      const [one = ''] = hosts
      const more = lines.length - shownMax
      return [
        `  ${paint(style, 'bold', someOf(hosts, 8))}: ${counted(lines.length, 'package')}`,
        ...lines.slice(0, shownMax).map((line) => `    ${clip(style, line.trim(), style.columns - 4)}`),
        ...(more > 0 ? [`    and ${more} more: guardian ctl rollout diff ${id} ${one}`] : []),
      ]
    })
}

/** As `nix store diff-closures` and nvd write them; whatever else stands in the log is for `diff`. */
function isPackage(line: string): boolean {
  return /^\S+: .*(→|∅|ε|[+-]\d+(\.\d+)? [KMG]iB)/.test(line) || /^\[[A-Z][.*+-]?\]\s+#\d+/.test(line)
}
