import type { Log } from '../../daemon/log.ts'
import { reasonOf } from '../../daemon/reason.ts'
import type { HelperAction } from '../../protocol/rebuild-units.ts'
import type { Job, JobSight, UnitSight } from '../core/job.ts'
import { isMoving, wantedLogs, wantedProbes, wantsUnits } from '../core/job-watch.ts'
import type { AgentState } from '../core/state.ts'
import type { Bus } from './bus.ts'
import { createJobLogs, type JobLogsParts } from './job-logs.ts'
import { createJobProbes } from './job-probes.ts'
import { lookAt, type SightPlaces } from './job-sight.ts'
import { createJobUnits, type JobUnits } from './job-units.ts'

/** The rebuilds of this host, on systemd, its root helper and its files. */
export interface Jobs extends Disposable {
  /** Never throws: looks at the job have the round once systemd has answered. */
  startHelper(job: string, action: HelperAction, round: number): void
  /** What is watched follows the state. */
  follow(state: AgentState): void
}

export interface JobsParts extends Pick<JobLogsParts, 'send' | 'unsentBytes'> {
  readonly bus: Bus
  readonly places: SightPlaces
  readonly state: () => AgentState
  readonly seen: (job: string, sight: JobSight) => void
  readonly probed: (job: string, name: string, ok: boolean, reason: string) => void
  readonly unitState: (unit: string) => Promise<string>
  readonly log: Log
}

const lookEveryMs = 1_000
const restEveryMs = 10_000
const unitsEveryMs = 2_000

export function openJobs(parts: JobsParts): Jobs {
  const { bus, state, log } = parts
  const units = createJobUnits(bus)
  const logs = createJobLogs({ ...parts, resultsDir: parts.places.resultsDir })
  const probes = createJobProbes(parts.probed, parts.unitState)
  const answered = new Map<string, Answer>()
  const look = createEye(parts, units, (id) => answered.get(id) ?? { round: 0, refused: null })
  const looks = new Map<string, Look>()

  function lookSoon(id: string): void {
    let turn = looks.get(id)
    if (turn === undefined) {
      const failed = (cause: unknown): void => log.warn({ job: id, reason: reasonOf(cause) }, 'rebuild not looked at')
      turn = new Look(() => look(id), failed)
      looks.set(id, turn)
    }
    turn.ask()
  }

  // Units of a job have its id in their name, and so in their path.
  bus.onSignal(({ path, member, body }) => {
    const unit = member === 'JobRemoved' ? String(body[2]) : path
    for (const id of state().rebuilds?.jobs.keys() ?? []) if (unit.includes(id)) lookSoon(id)
  })
  let followed: ReadonlyMap<string, Job> = new Map()
  let restedMs = Number.NEGATIVE_INFINITY
  const timer = setInterval(() => {
    const isRestDue = performance.now() - restedMs >= restEveryMs
    if (isRestDue) restedMs = performance.now()
    for (const [id, job] of state().rebuilds?.jobs ?? []) if (isRestDue || isMoving(state(), job)) lookSoon(id)
  }, lookEveryMs)

  return {
    startHelper(job, action, round) {
      const answer = (refused: string | null): void => {
        answered.set(job, { round, refused })
        lookSoon(job)
      }
      units.startHelper(action, job).then(
        () => answer(null),
        (cause: unknown) => answer(reasonOf(cause)),
      )
    },
    follow(now) {
      logs.want(wantedLogs(now))
      probes.want(wantedProbes(now))
      const jobs = now.rebuilds?.jobs ?? new Map<string, Job>()
      // What is wanted now is seen to at once.
      for (const [id, { record }] of jobs) if (followed.get(id)?.record !== record) lookSoon(id)
      for (const id of looks.keys()) if (!jobs.has(id)) looks.delete(id)
      followed = jobs
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      for (const turn of looks.values()) turn.close()
      logs[Symbol.dispose]()
      probes[Symbol.dispose]()
    },
  }
}

interface Answer {
  readonly round: number
  readonly refused: string | null
}

/** Looks at a job and tells what it shows. Units of the whole host are asked for seldom, and for all jobs at once. */
function createEye(
  parts: JobsParts,
  units: JobUnits,
  answerOf: (job: string) => Answer,
): (job: string) => Promise<void> {
  const { places, state, seen } = parts
  let health: { readonly atMs: number; readonly sight: UnitSight } | null = null

  async function healthFor(job: Job): Promise<UnitSight | null> {
    if (!wantsUnits(state(), job)) return null
    if (health === null || performance.now() - health.atMs >= unitsEveryMs)
      health = { atMs: performance.now(), sight: await units.health() }
    return health.sight
  }

  return async (id) => {
    const job = state().rebuilds?.jobs.get(id)
    if (job === undefined) return
    const answer = answerOf(id)
    const [found, sight] = await Promise.all([lookAt(id, state().bootId, places, units), healthFor(job)])
    seen(id, { ...found, ...answer, units: sight })
  }
}

/** One look at a time; whoever asks meanwhile gets one more. */
class Look {
  readonly #look: () => Promise<void>
  readonly #failed: (cause: unknown) => void
  #isLooking = false
  #isAsked = false

  constructor(look: () => Promise<void>, failed: (cause: unknown) => void) {
    this.#look = look
    this.#failed = failed
  }

  ask(): void {
    this.#isAsked = true
    if (!this.#isLooking) void this.#run()
  }

  close(): void {
    this.#isLooking = true
    this.#isAsked = false
  }

  async #run(): Promise<void> {
    this.#isLooking = true
    while (this.#isAsked) {
      this.#isAsked = false
      await this.#look().catch(this.#failed)
    }
    this.#isLooking = false
  }
}
