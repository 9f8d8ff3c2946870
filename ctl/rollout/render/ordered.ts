import type { RolloutOrder, RolloutStatus } from '../../../protocol/rollout/api.ts'
import { counted, paint, type Style, someOf, unbroken, wrapped } from '../../render/style.ts'
import { nextLines, reasonLines } from './picture.ts'
import { rolloutInk, standingOf } from './words.ts'

/** What an order has led to, and what comes next. */
export function orderedLines(style: Style, order: RolloutOrder, status: RolloutStatus): readonly string[] {
  const { id, is, hosts, settled } = status
  const moving = hosts.filter((run) => standingOf(run) === 'moving').map(({ host }) => host)
  return [
    `${paint(style, 'bold', id)} ${doneOf(order)}; it is ${paint(style, rolloutInk(is), is)}`,
    ...reasonLines(style, status),
    ...(moving.length === 0
      ? []
      : wrapped(
          style,
          `${counted(moving.length, 'host')} on the way ${fateOf(order, moving.length)}: ${someOf(moving)}`,
          2,
        )),
    ...(is === 'running' && !settled ? [] : nextLines(style, status)),
    ...(settled ? [] : wrapped(style, `watch it: ${unbroken(`guardian ctl rollout watch ${id}`)}`, 2)),
  ]
}

function doneOf(order: RolloutOrder): string {
  switch (order.verb) {
    case 'discard':
      return 'was discarded'
    case 'promote':
      return order.full ? 'was promoted for all stages to come' : 'was promoted'
    case 'pause':
      return 'was paused'
    case 'resume':
      return 'goes on'
    case 'abort':
      return order.now ? 'is being aborted at once' : 'is being aborted'
    case 'rollback':
      return `goes back${order.selector === '*' ? '' : ` on ${order.selector}`}`
    case 'retry':
      return `tries again${order.host === undefined ? '' : ` on ${order.host}`}${order.hook === undefined ? '' : `, hook ${order.hook}`}`
    case 'skip':
      return `leaves ${order.host} out`
    case 'release':
      return `has given up the slot of ${order.host}`
    default:
      return order satisfies never
  }
}

function fateOf(order: RolloutOrder, count: number): string {
  const one = count === 1
  if (order.verb === 'abort' && order.now) return one ? 'goes back' : 'go back'
  if (order.verb === 'pause' || order.verb === 'abort') return one ? 'finishes or goes back' : 'finish or go back'
  return 'now'
}
