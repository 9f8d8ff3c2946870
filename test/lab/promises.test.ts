import t from 'tap'
import type { Entry } from './journal.ts'
import {
  obeyedTheSuperseded,
  openedTooEarly,
  orderedWhileSuperseded,
  runningWhenDone,
  startedWhileDrained,
} from './promises.ts'

// A check that finds nothing proves nothing, so each is shown journals that keep its promise, and some that break it.

const party = {
  host: { name: 'web1' },
  targetUnit: 'io-databases.target',
  units: ['io-databases.target', 'shop.service'],
  needs: ['postgresql'],
}
const starting = '7d4958e842da4a758f6c1cdc7b36dcc5'
const started = '39f53479d3a045ac8e11786248231fbf'
const stopped = '9d1aaa27d60140bd96365438aad20286'

const line = (at: number, more: Partial<Entry>): Entry => {
  return { host: 'web1', at, by: 'systemd', unit: '', text: '', kind: '', fields: {}, ...more }
}
const guardian = (at: number, fields: Entry['fields'], unit = 'io-guardian.service') =>
  line(at, { by: 'guardian', unit, fields })
const shop = (at: number, kind: string) => line(at, { unit: 'shop.service', kind })
const target = (at: number, kind: string) => line(at, { unit: 'io-databases.target', kind })
const postgres = (at: number, text: string) => line(at, { host: 'io', by: 'postgres', text })
const up = 'database system is ready to accept connections'
const down = 'received fast shutdown request'
const claim = (at: number, epoch: string, instance: string) =>
  guardian(at, { event: 'claim-accepted', epoch, instance })
const coordinator = (at: number, event: string) => guardian(at, { event }, 'io-guardian-coordinator.service')

const drained = guardian(1, { event: 'drained' })
const opening = guardian(3, { event: 'opening-started' })
const promised = [{ at: 5, hold: 'h', hosts: ['web1'], ended: false }]
const elsewhere = [{ at: 5, hold: 'h', hosts: ['web2'], ended: false }]

const rows: readonly [name: string, found: readonly { readonly text: string }[], broken: RegExp | null][] = [
  ['S1: started after it opened', startedWhileDrained(party, [drained, opening, shop(4, started)]), null],
  ['S1: started while drained', startedWhileDrained(party, [drained, shop(2, starting), opening]), /S1: shop/],
  ['S1: started before any drain', startedWhileDrained(party, [shop(0, started)]), null],
  ['S2: stopped before it was done', runningWhenDone(party, [shop(1, started), shop(4, stopped)], promised), null],
  ['S2: stopped after it was done', runningWhenDone(party, [shop(1, started), shop(6, stopped)], promised), /S2: h/],
  ['S2: another host', runningWhenDone(party, [shop(1, started)], elsewhere), null],
  ['S3: opened when it was ready', early([target(2, started)], [postgres(1, up)]), null],
  ['S3: opened before it was ready', early([target(1, started)], [postgres(2, up)]), /S3: web1/],
  ['S3: opened after it had stopped', early([target(3, started)], [postgres(1, up), postgres(2, down)]), /S3: web1/],
  ['S4: higher and higher', obeyedTheSuperseded(party, [claim(1, '3', 'a'), claim(2, '4', 'b')]), null],
  ['S4: the same, after a lost disk', obeyedTheSuperseded(party, [claim(1, '3', 'a'), claim(2, '3', 'a')]), null],
  ['S4: a lower one', obeyedTheSuperseded(party, [claim(1, '10', 'a'), claim(2, '9', 'b')]), /S4: web1/],
  ['S4: a twin', obeyedTheSuperseded(party, [claim(1, '3', 'a'), claim(2, '3', 'b')]), /S4: web1/],
  ['S4: an order after a takeover', ordered('superseded', 'taken-over', 'hold-taken'), null],
  ['S4: an order of a new start', ordered('superseded', 'ready', 'hold-released'), null],
  ['S4: an order of one superseded', ordered('hold-taken', 'superseded', 'hold-released'), /S4: hold-released/],
]
for (const [name, found, broken] of rows) {
  t.test(name, async (t) => {
    if (broken === null) t.strictSame(found, [])
    else t.match(found, [{ text: broken }])
  })
}

function early(journal: readonly Entry[], io: readonly Entry[]) {
  return openedTooEarly({ postgres: 'postgresql@15-main.service' }, party, journal, io)
}

function ordered(...events: readonly string[]) {
  return orderedWhileSuperseded(events.map((event, at) => coordinator(at, event)))
}
