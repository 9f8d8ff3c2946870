import type { BudgetStatus, RolloutStatus, RunStatus } from '../../../protocol/rollout/api.ts'
import { alignedOf, counted, type Ink, paint, type Style } from '../../render/style.ts'
import { clockSpan, standingOf } from './words.ts'

type StageStatus = RolloutStatus['stages'][number]

const inks: Readonly<Record<StageStatus['is'], Ink>> = {
  pending: 'dim',
  waiting: 'yellow',
  active: 'yellow',
  soaking: 'yellow',
  done: 'green',
}
const shownAhead = 3

/** A line per stage; of many only the one it has come to and the next few. */
export function stageLines(style: Style, status: RolloutStatus, aheadMs: number): readonly string[] {
  const { stages } = status
  const first = stages.findIndex(({ is }) => is !== 'done')
  const at = first === -1 ? stages.length : first
  const few = stages.length <= shownAhead * 2
  const from = few ? 0 : Math.max(0, at - 1)
  const to = few ? stages.length : at + shownAhead
  const rows = stages
    .slice(from, to)
    .flatMap((stage, index) => [
      ...hookRows(style, stage),
      [stage.name, paint(style, inks[stage.is], stage.is), figuresOf(status, stage, from + index, aheadMs)],
    ])
  const before = from > 0 ? [`  ${counted(from, 'stage')} before, done`] : []
  const after = to < stages.length ? [`  ${counted(stages.length - to, 'stage')} after`] : []
  return [...before, ...alignedOf(style, rows), ...after]
}

/** A hook is of interest while it runs, and where it has failed. */
function hookRows(style: Style, { name, hooks }: StageStatus): readonly (readonly string[])[] {
  return hooks
    .filter(({ is }) => is === 'running' || is === 'failed')
    .map((hook) => {
      const mark = hook.reversible ? '' : ', no way back after it'
      return [hook.name, paint(style, hook.is === 'failed' ? 'red' : 'yellow', hook.is), `hook before ${name}${mark}`]
    })
}

function figuresOf(status: RolloutStatus, stage: StageStatus, index: number, aheadMs: number): string {
  const done = `${stage.ended}/${stage.hosts} done`
  const left = stage.leftMs === null ? '' : `, ${clockSpan(Math.max(0, stage.leftMs - aheadMs))} left`
  const reason = stage.reason === '' ? '' : `: ${stage.reason}`
  switch (stage.is) {
    case 'pending':
      return `${counted(stage.hosts, 'host')}${stage.promote === 'manual' ? ', then waits for promote' : ''}`
    case 'waiting':
      return `${done}${left}${reason}`
    case 'active': {
      const flying = status.hosts.filter((run) => run.stage === index && isFlying(run)).length
      const full = status.budgets.filter(({ unavailable }) => unavailable.length > 0).map(budgetText)
      return (
        [
          done,
          ...(flying > 0 ? [`${flying} in flight`] : []),
          ...(full.length > 0 ? [`budget ${full.join(', ')}`] : []),
        ].join(', ') + reason
      )
    }
    case 'soaking':
      return `${done}${left}${reason}`
    case 'done':
      return done
    default:
      return stage.is satisfies never
  }
}

function isFlying(run: RunStatus): boolean {
  return standingOf(run) === 'moving' && run.is !== 'prefetching' && run.is !== 'soaking'
}

function budgetText({ name, unavailable, max }: BudgetStatus): string {
  return `${name} ${unavailable.length}/${max}`
}
