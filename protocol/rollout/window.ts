import { parseDuration } from '../duration.ts'

// "Sun 02:00/3h Europe/Berlin": from two o'clock on Sundays for three hours, as clocks there show it.

export const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
export type Day = (typeof days)[number]

export interface Window {
  readonly days: ReadonlySet<Day>
  /** Minutes since midnight. */
  readonly from: number
  readonly minutes: number
  /** A name of the time zone database; null is the machine's own. */
  readonly zone: string | null
}

/** What a clock on a wall shows. */
export interface LocalTime {
  readonly day: Day
  /** Minutes since midnight. */
  readonly minute: number
}

const form = /^(?:(\S+)\s+)?(\d{1,2}):(\d{2})\/(\S+?)(?:\s+([A-Za-z0-9_+/-]+))?$/
const dayMinutes = 24 * 60
const weekMinutes = 7 * dayMinutes

/** Reads `[DAYS] HH:MM/SPAN [ZONE]`, days as `Sun`, `Mon,Wed`, `Mon..Fri` or `*`; null where it is not one. */
export function parseWindow(text: string): Window | null {
  const [, daysText = '*', hour = '', minute = '', span = '', zone = null] = form.exec(text.trim()) ?? []
  const chosen = parseDays(daysText)
  const minutes = Math.round((parseDuration(span) ?? 0) / 60_000)
  if (hour === '' || Number(hour) > 23 || Number(minute) > 59 || chosen === null) return null
  if (minutes < 1 || minutes > weekMinutes) return null
  return { days: chosen, from: Number(hour) * 60 + Number(minute), minutes, zone }
}

function parseDays(text: string): ReadonlySet<Day> | null {
  if (text === '*') return new Set(days)
  const chosen = new Set<Day>()
  for (const part of text.split(',')) {
    const [first = '', last = first, ...more] = part.split('..')
    const [from, to] = [indexOf(first), indexOf(last)]
    if (from === -1 || to === -1 || more.length > 0) return null
    for (let at = from; ; at = (at + 1) % days.length) {
      const day = days[at]
      if (day !== undefined) chosen.add(day)
      if (at === to) break
    }
  }
  return chosen
}

const names: readonly string[] = days
const indexOf = (name: string): number => names.indexOf(name)

/** Whether the window is open; one that passes midnight belongs to the day on which it opened. */
export function isOpenAt(window: Window, { day, minute }: LocalTime): boolean {
  const now = indexOf(day) * dayMinutes + minute
  return [...window.days].some((opens) => {
    const since = now - (indexOf(opens) * dayMinutes + window.from)
    return ((since % weekMinutes) + weekMinutes) % weekMinutes < window.minutes
  })
}
