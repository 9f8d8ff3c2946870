import * as v from 'valibot'
import { spanMs } from './names.ts'

const unitMs = { ms: 1, s: 1_000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of a span as people and systemd write it, `90s`, `5min`, `1h30m`; null where it is not one. */
export function parseDuration(text: string): number | null {
  const compact = text.replaceAll(/\s+/g, '')
  if (!/^(\d+(ms|s|min|m|h|d))+$/.test(compact)) return null
  let total = 0
  for (const [, amount, unit] of compact.matchAll(/(\d+)(ms|s|min|m|h|d)/g)) total += Number(amount) * unitOf(unit)
  return total
}

function unitOf(unit: string | undefined): number {
  return unit === 'ms' || unit === 's' || unit === 'min' || unit === 'm' || unit === 'h' || unit === 'd'
    ? unitMs[unit]
    : 0
}

/** The shortest text that `parseDuration` reads back, rounded to what a person wants to see. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes}min` : `${minutes}min${seconds % 60}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}min`
  return `${Math.floor(hours / 24)}d${hours % 24 === 0 ? '' : `${hours % 24}h`}`
}

/** `"90s"` in a config file or a request, milliseconds inside. */
export const duration = v.pipe(
  v.string(),
  v.check((text) => parseDuration(text) !== null, 'must be a duration such as "90s", "5min" or "1h30m"'),
  v.transform((text) => parseDuration(text) ?? 0),
  spanMs,
)
