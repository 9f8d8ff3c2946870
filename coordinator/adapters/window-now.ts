import type { Verdict } from '../../daemon/probe.ts'
import { days, isOpenAt, type LocalTime, parseWindow } from '../../protocol/rollout/window.ts'

/** Whether a window such as "Sun 02:00/3h Europe/Berlin" is open. */
export function lookAtWindow(text: string, wallMs: number): Verdict {
  const window = parseWindow(text)
  if (window === null) return { ready: false, reason: `${text} is no window` }
  const now = localTime(window.zone, wallMs)
  const clock = `${now.day} ${Math.floor(now.minute / 60)}:${`${now.minute % 60}`.padStart(2, '0')}`
  const isOpen = isOpenAt(window, now)
  return { ready: isOpen, reason: `${isOpen ? 'open' : 'closed'}, it is ${clock}` }
}

/** @throws RangeError where the machine knows no such zone */
export function localTime(zone: string | null, wallMs: number): LocalTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(zone === null ? {} : { timeZone: zone }),
  })
  const parts = new Map(format.formatToParts(wallMs).map(({ type, value }) => [type, value]))
  const day = days.find((name) => name === parts.get('weekday'))
  if (day === undefined) throw new RangeError('a day without a name')
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) }
}
