import { until as ask } from '../hosts/until.ts'

/** With the patience that whole machines need where others work beside them, and without asking them to death. */
export function until<T>(condition: string, question: () => Promise<T | false> | T | false): Promise<T> {
  return ask(condition, question, { limitMs: 120_000, everyMs: 100 })
}
