import t from 'tap'
import type { FleetNote } from '../../coordinator/core/effect.ts'
import { createEventRing } from '../../coordinator/event-ring.ts'
import { createNotes, noteKinds } from '../../coordinator/notes.ts'
import { createLog } from '../../daemon/log.ts'
import { messageIds } from '../../daemon/message-ids.ts'

const instance = 'a'.repeat(32)

t.test('the ring keeps the latest', async (t) => {
  const ring = createEventRing(instance, 4)
  for (let at = 1; at <= 20; at += 1) ring.push(() => ({ what: 'gate-up', text: `${at}` }))
  const texts = (id: string) => ring.since(id).map(({ text }) => text)
  t.strictSame(texts('aaaaaaaa-18'), ['19', '20'])
  t.strictSame(texts('aaaaaaaa-20'), [])
  for (const id of ['aaaaaaaa-2', 'bbbbbbbb-19', 'aaaaaaaa-x', ''])
    t.strictSame(texts(id), ['17', '18', '19', '20'], id)
})

t.test('an event is put into words only where somebody reads it', async (t) => {
  const ring = createEventRing(instance)
  let asked = 0
  const write = () => {
    asked += 1
    return { what: 'gate-up', text: '' }
  }
  ring.push(write)
  t.equal(asked, 0)
  const seen: string[] = []
  const stop = ring.listen(({ id }) => seen.push(id))
  ring.push(write)
  stop()
  ring.push(write)
  t.strictSame(seen, ['aaaaaaaa-2'])
  t.equal(asked, 1)
})

const owner = 'operator:ann'
const notes: readonly [note: FleetNote, says: string][] = [
  [{ what: 'hold-taken', hold: 'h', owner, text: 'disk' }, 'operator:ann holds (h): disk'],
  [{ what: 'hold-adopted', hold: 'h', owner, text: '' }, 'adopted the hold of operator:ann that a marker carries (h)'],
  [{ what: 'hold-released', hold: 'h', owner }, 'the hold of operator:ann is released (h)'],
  [{ what: 'hold-expired', hold: 'h', owner }, 'the hold of operator:ann has come to its end (h)'],
  [{ what: 'hold-narrowed', hold: 'h', owner }, 'the hold of operator:ann is narrowed (h)'],
  [
    { what: 'not-persisted', hold: 'h' },
    'hold h is carried out, but the store could not keep it: a restart forgets it',
  ],
  [{ what: 'host-connected', host: 'web1' }, 'web1 is connected'],
  [{ what: 'host-lost', host: 'web1', text: 'closed' }, 'web1 is lost: closed'],
  [{ what: 'target-changed', host: 'web1', target: 'a', from: 'open', to: 'draining' }, 'a on web1: open → draining'],
  [{ what: 'order-failed', host: 'web1', target: 'a', text: 'no unit' }, 'a on web1: order failed: no unit'],
  [{ what: 'wave-started', target: 'a', want: 'drained', wave: 1, hosts: 1 }, 'a: wave 2 to be drained, 1 host'],
  [{ what: 'resource-ready', resource: 'pg', text: 'up' }, 'pg is ready: up'],
  [{ what: 'resource-lost', resource: 'pg', text: 'refused' }, 'pg is not ready: refused'],
  [{ what: 'gate-up', resource: 'pg' }, 'the gate of pg is up'],
  [{ what: 'gate-down', resource: 'pg' }, 'the gate of pg is down'],
  [{ what: 'superseded', host: 'web1', text: 'epoch 9' }, 'superseded, told by web1: epoch 9'],
  [{ what: 'taken-over', text: 'epoch 10' }, 'taken over: epoch 10'],
]

t.test('each kind of note is logged, counted and told', async (t) => {
  const ring = createEventRing(instance)
  const counted: string[] = []
  const log = createLog({ name: 'test', level: 'silent' })
  const tell = createNotes({ log, ring, count: (what) => counted.push(what) })
  for (const [note] of notes) tell(note)
  t.strictSame(
    ring.since('').map(({ text }) => text),
    notes.map(([, says]) => says),
  )
  t.strictSame(new Set(counted), new Set(noteKinds), 'every kind has a row here')
  for (const kind of noteKinds) t.ok(messageIds[kind], `${kind} has a MESSAGE_ID`)
  t.match(ring.since('')[0], { what: 'hold-taken', hold: 'h', owner, id: 'aaaaaaaa-1' })
})
