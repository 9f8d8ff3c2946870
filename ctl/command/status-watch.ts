import type { ApiClient } from '../../daemon/api-client.ts'
import { type FleetStatus, fleetEvent, fleetStatus } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Context } from '../context.ts'
import { pause } from '../follow.ts'
import { statusLines } from '../render/status.ts'
import { openScreen, type Screen } from '../screen.ts'

const settleMs = 200
const slowMs = 5_000

/** The status again and again, soon after each event, until Ctrl-C. */
export async function watchStatus(context: Context, client: ApiClient): Promise<number> {
  using view = openView(context)
  const timeout = AbortSignal.timeout(context.settings.timeoutMs ?? 24 * 3_600_000)
  const ended = new AbortController()
  const signal = AbortSignal.any([context.signal, context.world.unread, timeout, ended.signal])
  const bell = createBell()
  const listening = listen(client, bell.ring, signal)
  try {
    while (!signal.aborted) {
      bell.forget()
      await refresh(client, view, signal)
      await Promise.race([bell.rung(), pause(slowMs, signal)])
      // Events come in bursts: one picture for all of them.
      await pause(settleMs, signal)
    }
  } finally {
    ended.abort()
    await listening
  }
  return 0
}

async function refresh(client: ApiClient, view: View, signal: AbortSignal): Promise<void> {
  try {
    view.show(await client.get('/v1/status', fleetStatus, { signal }))
  } catch (cause) {
    if (signal.aborted) return
    if (!(cause instanceof GuardianError) || cause.code !== 'no-coordinator') throw cause
    view.away(cause.message)
  }
}

/** Rings at each event; a stream that ends is opened again. */
async function listen(client: ApiClient, ring: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      // What happened while nobody listened counts too.
      for await (const _event of client.follow('/v1/events', fleetEvent, { signal, opened: ring })) ring()
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
    }
    await pause(1_000, signal)
  }
}

/** A ring between two looks is not lost. */
function createBell() {
  let isRung = false
  let wake: () => void = () => {}
  return {
    ring(): void {
      isRung = true
      wake()
    },
    forget(): void {
      isRung = false
    },
    rung: (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve
        if (isRung) resolve()
      }),
  }
}

interface View extends Disposable {
  show(status: FleetStatus): void
  away(reason: string): void
}

function openView(context: Context): View {
  if (context.settings.json) return plainView(context, (status) => context.printJson(status))
  if (!context.world.out.isTTY)
    return plainView(context, (status) => context.print([...statusLines(context.style, status), '']))
  let lines: readonly string[] = ['']
  const screen: Screen = openScreen(context.world.out, () => lines, { everyMs: 60_000, whole: true })
  const show = (now: readonly string[]): void => {
    lines = now
    screen.draw()
  }
  return {
    show: (status) => show(statusLines(context.style, status)),
    away: (reason) =>
      show([
        `the coordinator is away: ${reason}`,
        ...lines.filter((line) => !line.startsWith('the coordinator is away')),
      ]),
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  }
}

/** One picture per change: what is merely a second older is not printed again. */
function plainView(context: Context, print: (status: FleetStatus) => void): View {
  let before = ''
  return {
    show(status) {
      const still = JSON.stringify({
        ...status,
        nowMs: 0,
        hosts: status.hosts.map((host) => ({ ...host, sinceMs: 0, roundTripMs: 0 })),
        resources: status.resources.map((one) => ({ ...one, sinceMs: 0 })),
      })
      if (still !== before) print(status)
      before = still
    },
    away: (reason) => context.world.err.write(`the coordinator is away: ${reason}\n`),
    [Symbol.dispose]() {},
  }
}
