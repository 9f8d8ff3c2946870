import type { DirectHost, DirectMandate, DirectOrder, Patience, Told } from '../../daemon/direct.ts'
import { exitOf } from '../../daemon/outcome.ts'
import type { HostProgress } from '../../protocol/api.ts'
import { endWith } from '../command/ending.ts'
import type { Context } from '../context.ts'
import { anyTarget, type Want } from '../render/progress.ts'
import { summaryLines } from '../render/summary.ts'
import { openWatch } from '../watch.ts'
import { directMandate } from './hosts.ts'

const waitMs = 90_000
const lostMs = 20_000

export interface DirectWork {
  readonly want: Want
  readonly hosts: readonly DirectHost[]
  /** Hosts that are ordered nothing, for it is known already what is wrong with them. */
  readonly troubles: readonly HostProgress[]
  readonly trustV1: boolean
  readonly undo: string | null
  readonly hold: string | null
  readonly order: (host: DirectHost, mandate: DirectMandate & Patience, told: Told) => Promise<readonly HostProgress[]>
}

/** The target that was asked for, or every one that a host has. */
export function targetsOf(target: string | undefined): DirectOrder {
  return { targets: target === undefined ? null : [target], shownAs: target ?? anyTarget }
}

/** Orders every host at once and shows how they get on, as with a coordinator. */
export async function orderDirectly(context: Context, work: DirectWork): Promise<number> {
  const mandate = directMandate(context, waitMs)
  const seats = createSeats(work)
  using watch = openWatch(context, work.want)
  watch.show(seats.all())
  await Promise.all(
    work.hosts.map((host) =>
      work.order(host, { ...mandate, neverReachedMs: 0, lostMs }, (progress) => {
        seats.put(progress)
        watch.show(seats.all())
      }),
    ),
  )
  watch.finish()
  const facts = { hosts: seats.all(), trustV1: work.trustV1, persisted: true, superseded: false }
  const { want, hold } = work
  return endWith(context, {
    ending: { is: context.signal.aborted ? 'interrupted' : 'settled' },
    exit: exitOf(facts),
    undo: work.undo,
    json: { hold, want, elapsedMs: Math.round(watch.elapsedMs()), ...facts },
    summary: () => summaryLines(context.style, { ...facts, want, hold, elapsedMs: watch.elapsedMs(), direct: true }),
  })
}

/** The last word on each target of each host; a host's targets are known once it was reached. */
function createSeats({ hosts, troubles }: Pick<DirectWork, 'hosts' | 'troubles'>) {
  const seats = new Map(troubles.map((one) => [one.host, new Map([[one.target, one]])]))
  for (const { host } of hosts) {
    const waiting: HostProgress = { host, target: anyTarget, is: 'waiting', reason: 'dialling', units: [] }
    seats.set(host, new Map([[anyTarget, waiting]]))
  }
  return {
    put(progress: HostProgress): void {
      const targets = seats.get(progress.host) ?? new Map()
      if (progress.target !== anyTarget) targets.delete(anyTarget)
      // Lost on the way: what is wrong with the host is wrong with each of its targets.
      else if (targets.size > 0 && !targets.has(anyTarget)) {
        for (const [target, seat] of targets) if (seat.is === 'moving') targets.set(target, { ...progress, target })
        return
      }
      targets.set(progress.target, progress)
    },
    all: (): readonly HostProgress[] => [...seats.values()].flatMap((targets) => [...targets.values()]),
  }
}
