import { isUnsettled } from '../daemon/outcome.ts'
import type { HostProgress, ProgressAnswer } from '../protocol/api.ts'
import type { Context } from './context.ts'
import { anyTarget, hasSeveralTargets, progressLines, settledLine, type Want } from './render/progress.ts'
import { openScreen, type Screen } from './screen.ts'

/** Shows how hosts get on: a live picture on a terminal, a line for each settled host elsewhere, nothing with --json. */
export interface Watch extends Disposable {
  show(hosts: readonly HostProgress[]): void
  finish(): void
  readonly elapsedMs: () => number
}

export function openWatch(context: Context, want: Want): Watch {
  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs
  const view = context.settings.json
    ? silent()
    : context.world.out.isTTY
      ? live(context, want, elapsedMs)
      : lines(context, want)
  return { ...view, elapsedMs }
}

type View = Omit<Watch, 'elapsedMs'>

function silent(): View {
  return { show() {}, finish() {}, [Symbol.dispose]() {} }
}

function live({ world, style }: Context, want: Want, elapsedMs: () => number): View {
  let hosts: readonly HostProgress[] = []
  let screen: Screen | null = null
  const picture = (rows: number): readonly string[] =>
    progressLines(style, { want, hosts, elapsedMs: elapsedMs() }, rows)
  return {
    show(now) {
      hosts = now
      screen ??= openScreen(world.out, picture, { everyMs: 500, whole: false })
      screen.draw()
    },
    finish: () => screen?.finish(),
    [Symbol.dispose]: () => screen?.[Symbol.dispose](),
  }
}

function lines({ style, print }: Context, want: Want): View {
  const said = new Map<string, string>()
  return {
    show(hosts) {
      const withTarget = hasSeveralTargets(hosts)
      for (const host of hosts) {
        const key = `${host.host} ${host.target}`
        // An unreachable host may come back and settle otherwise: each end is told, each only once.
        const end = isUnsettled(host) ? '' : `${host.is} ${host.reason}`
        if (end !== '' && said.get(key) !== end) print([settledLine(style, want, host, withTarget)])
        if (end !== '') said.set(key, end)
      }
    },
    finish() {},
    [Symbol.dispose]() {},
  }
}

/** The last word on each host, and on those that were promised but of which nothing was told. */
export function completed(
  last: ProgressAnswer | null,
  promised: readonly string[],
  target: string | undefined,
): readonly HostProgress[] {
  const hosts = last?.hosts ?? []
  const named = new Set(hosts.map(({ host }) => host))
  const missing = promised.filter((host) => !named.has(host))
  const reason = 'the coordinator says nothing of it any more'
  const unseen = missing.map((host): HostProgress => {
    return { host, target: target ?? anyTarget, is: 'failed', reason, units: [] }
  })
  return [...hosts, ...unseen]
}
