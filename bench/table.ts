import type { Figure } from './figure.ts'
import { type Goal, goals } from './goals.ts'

const head = ['key', 'value', 'reference', 'ratio', 'goal', '', 'what', 'held against']

/** A line per figure, for a person. */
export function tableOf(figures: ReadonlyMap<string, Figure>): string {
  const rows = goals.flatMap((goal) => {
    const figure = figures.get(goal.key)
    return figure === undefined ? [] : [rowOf(goal, figure, figures)]
  })
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at > 0 && at < 4 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join('  ')
  return [head, ...rows].map((row) => line(row).trimEnd()).join('\n')
}

function rowOf(goal: Goal, figure: Figure, figures: ReadonlyMap<string, Figure>): readonly string[] {
  const met = goal.isMet(figure, figures)
  return [
    figure.key,
    `${shown(figure.value)} ${goal.unit}`,
    `${shown(figure.reference)} ${goal.unit}`,
    figure.ratio.toFixed(2),
    goal.goal,
    met === null ? '' : met ? 'ok' : 'missed',
    goal.value,
    goal.reference,
  ]
}

function shown(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1)
}
