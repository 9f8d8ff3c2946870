import t from 'tap'
import { type Day, isOpenAt, parseWindow } from '../../../protocol/rollout/window.ts'

const cases: readonly [window: string, day: Day, time: string, isOpen: boolean][] = [
  ['Sun 02:00/3h Europe/Berlin', 'Sun', '02:00', true],
  ['Sun 02:00/3h Europe/Berlin', 'Sun', '04:59', true],
  ['Sun 02:00/3h Europe/Berlin', 'Sun', '05:00', false],
  ['Sun 02:00/3h Europe/Berlin', 'Sun', '01:59', false],
  ['Sun 02:00/3h Europe/Berlin', 'Mon', '02:00', false],
  // Past midnight, and past the end of the week.
  ['Sat 23:00/2h', 'Sun', '00:59', true],
  ['Sat 23:00/2h', 'Sun', '01:00', false],
  ['Sat 23:00/2h', 'Sat', '22:59', false],
  ['Mon..Fri 9:30/15m', 'Wed', '09:30', true],
  ['Mon..Fri 9:30/15m', 'Sat', '09:30', false],
  ['Fri..Mon 10:00/1h', 'Sun', '10:30', true],
  ['Fri..Mon 10:00/1h', 'Tue', '10:30', false],
  ['Mon,Thu 10:00/1h UTC', 'Thu', '10:59', true],
  ['Mon,Thu 10:00/1h UTC', 'Tue', '10:59', false],
  ['* 00:00/1d', 'Tue', '23:59', true],
  ['03:00/1h', 'Fri', '03:10', true],
  ['Sun 00:00/7d', 'Sat', '23:59', true],
]
for (const [text, day, time, isOpen] of cases) {
  t.test(`${text} is ${isOpen ? 'open' : 'closed'} on ${day} ${time}`, async (t) => {
    const window = parseWindow(text)
    const [hour, minute] = time.split(':').map(Number)
    t.ok(window !== null && isOpenAt(window, { day, minute: (hour ?? 0) * 60 + (minute ?? 0) }) === isOpen)
  })
}

t.test('what is no window', async (t) => {
  for (const text of ['', 'Sun', 'Sun 02:00', 'Sun 24:00/1h', 'Sun 02:60/1h', 'Sonntag 02:00/1h', 'Sun 02:00/0s']) {
    t.equal(parseWindow(text), null, text)
  }
  for (const text of ['Sun 02:00/8d', 'Mon..Wed..Fri 02:00/1h', 'Sun, 02:00/1h', 'Sun 02:00/3 hours', '2:00/1h a b']) {
    t.equal(parseWindow(text), null, text)
  }
})

t.test('the zone is kept as it is written', async (t) => {
  t.equal(parseWindow('Sun 02:00/3h Europe/Berlin')?.zone, 'Europe/Berlin')
  t.equal(parseWindow('Sun 02:00/3h')?.zone, null)
})
