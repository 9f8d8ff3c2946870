import t from 'tap'
import { type Fleet, openFleet } from './scene.ts'
import { bootId, fleetHold, held, idOf, planOf, reportOf, resourceOf, targetOf, twin } from './shapes.ts'

const gated = planOf({ resources: [resourceOf('pg', { gate: { limitMs: 90_000 } }), resourceOf('s3')] })
const downId = (seq: number) => `pg/${bootId}/${seq}`
const ids = (fleet: Fleet) => [...fleet.state.holds.keys()]

function gateFleet(start: ConstructorParameters<typeof Fleet>[0] = {}): Fleet {
  return openFleet({ plan: gated, ...start })
}

t.test('a gate that goes down holds every host that needs its resource', async (t) => {
  const fleet = gateFleet()
  fleet.gate('up', 1)
  t.strictSame(fleet.notes, ['gate-up'])
  t.strictSame(fleet.gate('down', 2), { hold: downId(2) })
  t.match(fleet.lastSave, {
    claim: { revision: 8 },
    put: [
      {
        id: downId(2),
        owner: 'gate:pg',
        targets: ['db'],
        selector: '*',
        message: 'pg is stopping or stopped',
        rushAtMs: null,
      },
    ],
  })
  t.strictSame(fleet.notes, ['gate-down', 'hold-taken'])
  t.strictSame(fleet.orders, ['drain a1', 'drain b1'])
})

t.test('up told twice is told once', async (t) => {
  const fleet = gateFleet()
  fleet.gate('up', 1)
  fleet.gate('up', 1)
  t.strictSame(fleet.notes, [])
  t.strictSame(fleet.gate('up', 2), { hold: null }, 'nor by a later run whose down was lost on the way here')
  t.strictSame(fleet.notes, [])
  t.equal(fleet.saves.length, 0)
})

t.test('a gate that comes up releases them', async (t) => {
  const fleet = gateFleet()
  fleet.gate('down', 2)
  fleet.report('a1', reportOf('drained', [held(downId(2), 'gate:pg')]))
  t.strictSame(fleet.gate('up', 3), { hold: null })
  t.match(fleet.lastSave, { release: [downId(2)] })
  t.strictSame(fleet.notes, ['gate-up', 'hold-released'])
  t.match(fleet.commands[0], { action: 'undrain', release: [downId(2)], allow: true })
})

t.test('an operator’s hold of one host survives', async (t) => {
  const fleet = gateFleet()
  fleet.drain('h1', { selector: 'a1' })
  fleet.gate('down', 2)
  fleet.gate('up', 3)
  t.strictSame(ids(fleet), [idOf('h1')])
})

const absences: readonly [name: string, gate: (fleet: Fleet) => void][] = [
  ['no file', (fleet) => fleet.gate(null)],
  ['a file of another boot that says up', (fleet) => fleet.gate('up', 9, 'pg', twin)],
]
for (const [name, read] of absences) {
  t.test(`${name} is down`, async (t) => {
    const fleet = gateFleet()
    read(fleet)
    t.strictSame(ids(fleet), [`pg/${bootId}/absent-8`])
    t.match(fleet.lastSave.put, [{ message: 'the gate of pg has not come up in this boot' }])
    const { length } = fleet.saves
    read(fleet)
    t.equal(fleet.saves.length, length, 'read again, it is the same hold')
    t.strictSame(fleet.gate('down', 1), { hold: downId(1) })
    t.match(fleet.lastSave, { put: [{ id: downId(1) }], release: [`pg/${bootId}/absent-8`] })
  })
}

t.test('the hold of before a restart or a power cut stands until the gate is up', async (t) => {
  const holds = [fleetHold('pg/older/4', { owner: 'gate:pg' })]
  const absent = gateFleet({ holds })
  t.strictSame(absent.gate(null), { hold: 'pg/older/4' })
  t.strictSame(ids(absent), ['pg/older/4'])
  const down = gateFleet({ holds })
  down.gate('down', 1)
  t.strictSame(ids(down), [downId(1)], 'a run of this boot takes its place')
  const up = gateFleet({ holds })
  up.gate('up', 1)
  t.strictSame(ids(up), [])
})

t.test('a daemon that starts beside a gate that is down takes the hold that it has', async (t) => {
  const fleet = gateFleet({ holds: [fleetHold(downId(2), { owner: 'gate:pg' })] })
  t.strictSame(fleet.gate('down', 2), { hold: downId(2) })
  t.equal(fleet.saves.length, 0)
})

t.test('an older file, or none, does not count after a newer one', async (t) => {
  const fleet = gateFleet()
  fleet.gate('down', 5)
  const { state } = fleet
  t.strictSame(fleet.gate('up', 4), { hold: downId(5) })
  t.strictSame(fleet.gate(null), { hold: downId(5) })
  t.equal(fleet.state, state)
  fleet.gate('up', 6)
  t.strictSame(fleet.gate('down', 5), { hold: null })
  t.strictSame(ids(fleet), [])
})

const openings: readonly [name: string, read: (fleet: Fleet) => unknown][] = [
  ['has no file yet', (fleet) => fleet.gate(null)],
  ['is down', (fleet) => fleet.gate('down', 2)],
]
for (const [name, read] of openings) {
  t.test(`released by id while its gate ${name}, its hosts are open until the gate goes down once more`, async (t) => {
    const fleet = gateFleet()
    read(fleet)
    const [id = ''] = ids(fleet)
    t.match(fleet.undrain({ hold: id }), {
      released: [],
      narrowed: [{ hold: id, except: ['a1', 'b1'] }],
      stillHeld: [],
    })
    t.strictSame(fleet.lastSave.release, [])
    t.strictSame(ids(fleet), [id])
    const restarted = gateFleet({ holds: [...fleet.state.holds.values()], released: [...fleet.state.released] })
    t.strictSame(read(restarted), { hold: id })
    t.strictSame(restarted.orders, [])
    t.strictSame(restarted.gate('down', 3), { hold: downId(3) })
    t.strictSame(restarted.orders, ['drain a1', 'drain b1'])
  })
}

t.test('of a gate that is not here any more nothing is to stand', async (t) => {
  const fleet = openFleet({ holds: [fleetHold(downId(2), { owner: 'gate:pg' })] })
  t.match(fleet.undrain({ hold: downId(2) }), { released: [downId(2)], narrowed: [] })
})

t.test('orphans of the gate go when it is up, and stay when it goes down once more', async (t) => {
  const holds = [
    fleetHold('pg/lost/1', { owner: 'gate:pg', orphan: true }),
    fleetHold('s3/lost/1', { owner: 'gate:s3', orphan: true }),
  ]
  const fleet = gateFleet({ holds })
  fleet.gate('down', 1)
  t.strictSame(ids(fleet), ['pg/lost/1', 's3/lost/1', downId(1)])
  fleet.gate('up', 2)
  t.strictSame(ids(fleet), ['s3/lost/1'], 'another gate’s is its own affair')
})

t.test('a resource that no target needs holds nobody', async (t) => {
  const plan = planOf({ resources: [resourceOf('pg'), resourceOf('s3', { gate: { limitMs: 1 } })] })
  const fleet = openFleet({ plan })
  t.strictSame(fleet.gate('down', 1, 's3'), { hold: null })
  t.equal(fleet.saves.length, 0)
})

t.test('a gate that asks is told which hold it waits for, and hurries it at half its time', async (t) => {
  const fleet = gateFleet()
  t.strictSame(fleet.askGate({ seq: 2, limitMs: 60_000 }), { hold: downId(2) })
  t.equal(fleet.state.holds.get(downId(2))?.rushAtMs, 130_000)
  const read = gateFleet()
  read.gate('down', 2)
  t.equal(read.state.holds.get(downId(2))?.rushAtMs, null)
  t.strictSame(read.askGate({ seq: 2, limitMs: 60_000 }), { hold: downId(2) }, 'its file was read before it asked')
  t.equal(read.state.holds.get(downId(2))?.rushAtMs, 130_000)
  t.equal(read.saves.length, 1)
  read.gate('down', 2)
  t.equal(read.state.holds.get(downId(2))?.rushAtMs, 130_000, 'its file, read once more, is no reason to wait')
})

t.test('half of an odd time is whole milliseconds, or the store would refuse the hold', async (t) => {
  const fleet = gateFleet()
  fleet.askGate({ seq: 2, limitMs: 60_001 })
  t.equal(fleet.state.holds.get(downId(2))?.rushAtMs, 130_000)
})

t.test('a gate that comes up is answered, whatever the hosts do', async (t) => {
  const fleet = gateFleet()
  t.strictSame(fleet.askGate({ state: 'up' }), { hold: null })
})

t.test('refused: a resource that is not there, or not here, or a superseded coordinator', async (t) => {
  const request = { state: 'down' as const, seq: 1, bootId, limitMs: 1 }
  const fleet = gateFleet()
  t.match(fleet.refusal({ type: 'gate-asked', resource: 'x', request }), { code: 'unknown-resource' })
  t.match(fleet.refusal({ type: 'gate-asked', resource: 's3', request }), {
    code: 'not-local',
    message: /"gate": "local"/,
  })
  t.match(fleet.refusal({ type: 'gate-read', resource: 'x', gate: null }), { code: 'not-local' })
  fleet.outrank('a1', { epoch: 9, instance: twin, revision: 0 })
  t.match(fleet.refusal({ type: 'gate-asked', resource: 'pg', request }), { code: 'superseded' })
  t.equal(
    fleet.refusal({ type: 'gate-read', resource: 'pg', gate: { is: 'down', seq: 1, bootId } }),
    null,
    'its file is a fact',
  )
  t.strictSame(ids(fleet), [downId(1)])
})

t.test('down on a full store: the hosts are drained all the same', async (t) => {
  const fleet = gateFleet({ holds: [fleetHold('pg/older/4', { owner: 'gate:pg' })] })
  fleet.isFull = true
  t.strictSame(fleet.gate('down', 1), { hold: downId(1) })
  t.strictSame(fleet.notes, ['gate-down', 'hold-taken', 'not-persisted'])
  t.strictSame(ids(fleet), ['pg/older/4', downId(1)], 'the store still has the one before')
  fleet.isFull = false
  fleet.tick()
  t.match(fleet.lastSave.put, [{ id: downId(1), persisted: true }])
  fleet.gate('up', 2)
  t.strictSame(ids(fleet), [])
})

t.test('up on a full store: each tick tries to let the hosts go', async (t) => {
  const fleet = gateFleet()
  fleet.gate('down', 1)
  fleet.report('a1', reportOf('drained', [held(downId(1), 'gate:pg')]))
  fleet.isFull = true
  t.strictSame(fleet.gate('up', 2), { hold: null })
  t.strictSame(fleet.notes, ['gate-up'])
  fleet.tick(1_000)
  t.strictSame(ids(fleet), [downId(1)])
  t.notOk(fleet.orders.includes('undrain a1'))
  fleet.isFull = false
  fleet.tick(1_000)
  t.strictSame(fleet.notes, ['hold-released'])
  t.strictSame(ids(fleet), [])
  t.ok(fleet.orders.includes('undrain a1'))
})

t.test('a hold that a gate gave itself, when no daemon answered, is its own until its file is read', async (t) => {
  const fleet = gateFleet()
  fleet.gate('up', 1)
  fleet.report('a1', reportOf('drained', [held(downId(1), 'gate:pg')]))
  t.match(fleet.commands, [{ action: 'undrain', release: [downId(1)] }], 'of a run that is over')
  fleet.report('a1', reportOf('drained', [held(downId(2), 'gate:pg')]))
  t.strictSame(fleet.orders, [], 'of a run that is not known yet')
  fleet.report('b1', reportOf('drained', [held(`pg/${twin}/9`, 'gate:pg')]))
  t.match(fleet.commands, [{ action: 'undrain' }], 'of another boot')
})

t.test('a target that comes to need the resource is held too', async (t) => {
  const fleet = gateFleet()
  fleet.gate('down', 1)
  const hosts = [...gated.hosts.values()].map((host) => ({ ...host, targets: ['db', 'share'] }))
  const plan = planOf({ hosts, targets: [targetOf(), targetOf('share')], resources: [...gated.resources.values()] })
  fleet.send({ type: 'configured', plan })
  t.strictSame(fleet.state.holds.get(downId(1))?.targets, ['db', 'share'])
})

t.test('a hold that the gate gave a host itself is the fleet’s once its file is read, not before', async (t) => {
  const fleet = gateFleet()
  fleet.gate('down', 1)
  fleet.report('a1', reportOf('drained', [held(downId(1), 'gate:pg'), held(downId(3), 'gate:pg')]))
  t.strictSame(ids(fleet), [downId(1)])
  t.strictSame(fleet.orders, [])
  t.strictSame(fleet.gate('down', 3), { hold: downId(3) })
  t.match(fleet.state.holds.get(downId(3)), { orphan: false, members: new Set(['a1', 'b1']), except: new Set() })
  t.strictSame(ids(fleet), [downId(3)])
  t.match(fleet.commands, [
    { action: 'drain', release: [downId(1)] },
    { action: 'drain', holds: [{ id: downId(3) }] },
  ])
})

t.test('where the file is absent, an orphan or another’s hold does not stand for the gate’s', async (t) => {
  const fleet = gateFleet({ holds: [fleetHold('x1'), fleetHold('pg/lost/1', { owner: 'gate:pg', orphan: true })] })
  t.strictSame(fleet.gate(null), { hold: `pg/${bootId}/absent-8` })
  t.equal(fleet.state.holds.get(`pg/${bootId}/absent-8`)?.persisted, true)
})
