import type { RolloutStatus, RunStatus } from '../../../protocol/rollout/api.ts'
import { alignedOf, barOf, clip, paint, reasonBeside, type Style, unbroken, wrapped } from '../../render/style.ts'
import { stageLines } from './stages.ts'
import { clockSpan, countsOf, inkOf, rolloutInk, type Standing, shortRevision, standingOf } from './words.ts'

export interface PictureView {
  /** Milliseconds since the coordinator told it: clocks go on by themselves. */
  readonly aheadMs: number
  readonly rows: number
}

/** A rollout on its way: the heading, a line per stage, a line per host, the most interesting ones in need. */
export function pictureLines(style: Style, status: RolloutStatus, { aheadMs, rows }: PictureView): readonly string[] {
  const head = [
    headingOf(style, status, aheadMs),
    ...reasonLines(style, status),
    ...(status.is === 'planning' ? [] : stageLines(style, status, aheadMs)),
  ]
  // Of what goes on by itself the commands are for whoever asks.
  const next = status.settled ? nextLines(style, status) : []
  const room = Math.max(1, rows - head.length - next.length - 2)
  const all = status.hosts.length <= room
  const shown = all ? status.hosts : mostInteresting(status.hosts, room)
  const hidden = all ? [] : [restOf(style, status.hosts, shown)]
  return [...head, ...runRows(style, shown, aheadMs), ...hidden, ...next]
}

const lasting: ReadonlySet<RolloutStatus['is']> = new Set(['planning', 'running', 'paused', 'aborting', 'rolling-back'])

export function headingOf(style: Style, status: RolloutStatus, aheadMs = 0): string {
  const since = clockSpan(status.sinceMs + aheadMs)
  const state = `${paint(style, rolloutInk(status.is), status.is)} ${lasting.has(status.is) ? `for ${since}` : `${since} ago`}`
  const revision = status.revision === null ? [] : [`rev ${shortRevision(status.revision)}`]
  const [done, all] = sumsOf(status)
  const text = [`${paint(style, 'bold', status.id)} ${status.policy}`, state, ...revision].join('  ')
  if (status.is === 'planned') return text
  return `${text}  ${barOf(style, done, all, 10)}  ${done}/${all}`
}

function sumsOf({ stages, hosts, is }: RolloutStatus): readonly [done: number, all: number] {
  if (is === 'planning') {
    return [hosts.filter((run) => run.is !== 'pending' && run.is !== 'prefetching').length, hosts.length]
  }
  const sum = (figure: 'ended' | 'hosts'): number => stages.reduce((total, stage) => total + stage[figure], 0)
  return [sum('ended'), sum('hosts')]
}

export function reasonLines(style: Style, { reason, irreversible, is }: RolloutStatus): readonly string[] {
  return [
    ...(reason === '' ? [] : wrapped(style, reason, 2)),
    ...(irreversible && is !== 'succeeded'
      ? wrapped(style, 'a hook without a way back has run: nothing is rolled back by itself', 2)
      : []),
  ]
}

/** Commands are never broken, so that they can be copied. */
export function nextLines(style: Style, { next }: RolloutStatus): readonly string[] {
  return next.flatMap((line) => wrapped(style, `next: ${line.startsWith('guardian ') ? unbroken(line) : line}`, 2))
}

const interest: readonly Standing[] = ['moving', 'trouble', 'waiting', 'aside']

function mostInteresting(runs: readonly RunStatus[], room: number): readonly RunStatus[] {
  return interest.flatMap((standing) => runs.filter((run) => standingOf(run) === standing)).slice(0, room)
}

function runRows(style: Style, runs: readonly RunStatus[], aheadMs: number): readonly string[] {
  return alignedOf(
    style,
    runs.map((run) => {
      const standing = standingOf(run)
      const ticks = standing === 'moving' || standing === 'waiting'
      const again = run.attempt > 1 ? ` (attempt ${run.attempt})` : ''
      return [
        run.host,
        paint(style, inkOf(run), `${run.is}${again}`),
        ticks ? clockSpan(run.sinceMs + aheadMs) : '',
        reasonBeside(run.host, run.reason),
      ]
    }),
  )
}

function restOf(style: Style, runs: readonly RunStatus[], shown: readonly RunStatus[]): string {
  const seen = new Set(shown.map(({ host }) => host))
  const hidden = runs.filter(({ host }) => !seen.has(host))
  return `  ${paint(style, 'dim', clip(style, `and ${countsOf(hidden)}`, style.columns - 2))}`
}
