import type { RolloutLogLine, RolloutStatus, RunStatus } from '../../../protocol/rollout/api.ts'
import { counted, paint, type Style, someOf, unbroken, wrapped } from '../../render/style.ts'
import { packageLines } from './packages.ts'
import { headingOf, nextLines, reasonLines } from './picture.ts'

type StageStatus = RolloutStatus['stages'][number]

/** What a rollout would do, before anything is drained. `logs` is what the hosts found out about it. */
export function planLines(style: Style, status: RolloutStatus, logs: readonly RolloutLogLine[]): readonly string[] {
  const said = status.message === '' ? '' : `: ${status.message}`
  return [
    headingOf(style, status),
    ...wrapped(style, `by ${status.operator}${said}`, 2),
    ...metaLines(style, status),
    ...reasonLines(style, status),
    ...status.stages.flatMap((stage, index) => [
      '',
      ...stageLines(
        style,
        stage,
        status.hosts.filter((run) => run.stage === index),
      ),
    ]),
    '',
    ...packageLines(style, status, logs),
    ...budgetLines(style, status),
    ...rebootLines(style, status),
    ...blockedLines(style, status),
    ...(status.plan === null ? [] : [paint(style, 'dim', `  plan ${status.plan}`)]),
    ...nextLines(style, status),
  ]
}

function metaLines(style: Style, { meta }: RolloutStatus): readonly string[] {
  const pairs = Object.entries(meta).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? [] : wrapped(style, pairs.join('  '), 2)
}

function stageLines(style: Style, stage: StageStatus, runs: readonly RunStatus[]): readonly string[] {
  const width = stage.maxParallel === 1 ? 'one at a time' : `${stage.maxParallel} at a time`
  const manual = stage.promote === 'manual' ? ', then waits for promote' : ''
  return [
    ...stage.hooks.flatMap((hook) => hookLines(style, hook)),
    `${paint(style, 'bold', stage.name)}  ${counted(stage.hosts, 'host')}, ${width}${manual}`,
    ...wayGroups(runs).flatMap((group) => wayLines(style, group)),
  ]
}

function hookLines(style: Style, { name, reversible }: StageStatus['hooks'][number]): readonly string[] {
  const line = style.unicode ? '──' : '--'
  return reversible ? [`hook ${name}`] : [`hook ${name}`, paint(style, 'red', `${line} no way back after this ${line}`)]
}

interface Way {
  readonly run: RunStatus
  readonly names: readonly string[]
}

/** Hosts to which the same will happen share a line. */
function wayGroups(runs: readonly RunStatus[]): readonly Way[] {
  const groups = new Map<string, { readonly run: RunStatus; readonly names: string[] }>()
  for (const run of runs) {
    const { action, bootOnce, rebootReasons, blockers, touches, reason } = run
    const key = JSON.stringify([wordOf(run), action, bootOnce, rebootReasons, blockers, touches, reason])
    const group = groups.get(key) ?? { run, names: [] }
    group.names.push(run.host)
    groups.set(key, group)
  }
  return [...groups.values()]
}

function wayLines(style: Style, { run, names }: Way): readonly string[] {
  const word = wordOf(run)
  const ink = word === 'blocked' ? 'red' : word === 'reboot' ? 'yellow' : word === 'live' ? 'green' : 'dim'
  const [first = '', ...more] = wrapped(style, `${someOf(names, 8)}  ${word}${whyOf(run)}`, 6)
  const head = first.trimStart().replace(`  ${word}`, `  ${paint(style, ink, word)}`)
  return [
    `  ${head}`,
    ...more,
    ...run.blockers.flatMap((blocker) => wrapped(style, `${style.unicode ? '•' : '*'} ${blocker}`, 6)),
  ]
}

/** What is to happen where that is known, else how far it is known. */
function wordOf({ is, action }: RunStatus): string {
  return is === 'ready' || is === 'pending' || is === 'waiting' ? (action ?? is) : is
}

function whyOf(run: RunStatus): string {
  const word = wordOf(run)
  if (word === 'noop') return ': runs it already'
  const touches = run.touches.length === 0 ? [] : [`touches ${someOf(run.touches, 6)}`]
  // A blocker has a line of its own.
  const reasons = run.reason === '' || run.blockers.length > 0 ? [] : [run.reason]
  const parts = [...new Set([...(run.action === 'reboot' ? run.rebootReasons : []), ...reasons, ...touches])]
  return parts.length === 0 ? '' : `: ${parts.join('; ')}`
}

function budgetLines(style: Style, { budgets }: RolloutStatus): readonly string[] {
  if (budgets.length === 0) return []
  const texts = budgets.map(({ name, unavailable, max }) => {
    const out = unavailable.length === 0 ? '' : ` (${someOf(unavailable)})`
    return `${name} ${unavailable.length} of ${max}${out}`
  })
  return wrapped(style, `out of service now, by budget: ${texts.join(', ')}`, 2)
}

function rebootLines(style: Style, { hosts }: RolloutStatus): readonly string[] {
  const blind = hosts.filter((run) => run.action === 'reboot' && !run.bootOnce && run.is !== 'noop')
  if (blind.length === 0) return []
  const names = someOf(blind.map(({ host }) => host))
  return wrapped(
    style,
    `${names}: no automatic boot fallback, for the loader cannot boot a system once; a system that does not come up stays down`,
    2,
  )
}

function blockedLines(style: Style, { hosts }: RolloutStatus): readonly string[] {
  const blocked = hosts.filter(({ is }) => is === 'blocked').map(({ host }) => host)
  if (blocked.length === 0) return []
  const [one = ''] = blocked
  return wrapped(
    style,
    `${counted(blocked.length, 'host')} blocked (${someOf(blocked)}); nothing was changed. See ${unbroken(`guardian ctl rollout explain ${one}`)}`,
    2,
  )
}
