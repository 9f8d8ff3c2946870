import t from 'tap'
import { Fleet } from './scene.ts'
import { bootId, fleetHold, held, planOf, reportOf, resourceOf, specOf, targetOf } from './shapes.ts'

const gated = planOf({ resources: [resourceOf('pg', { gate: { limitMs: 90_000 } }), resourceOf('s3')] })

const unknown = held('old1', 'operator:bob', {
  message: 'before',
  sinceMs: 12,
  selector: '*',
  except: ['b1'],
  remainingMs: 5_000,
})

t.test('a hold of a marker that this store never released is adopted, as an orphan of its carrier', async (t) => {
  const fleet = new Fleet()
  fleet.join('a1', reportOf('drained', [unknown]))
  t.strictSame(fleet.notes, ['target-changed', 'hold-adopted'])
  t.strictSame(fleet.state.holds.get('old1'), {
    id: 'old1',
    targets: ['db'],
    selector: '*',
    except: new Set(),
    members: new Set(['a1']),
    owner: 'operator:bob',
    message: 'before',
    sinceMs: 12,
    end: null,
    orphan: true,
    persisted: false,
    rushAtMs: null,
  })
  t.strictSame(fleet.orders, [])
  fleet.tick()
  t.match(fleet.lastSave, { claim: { revision: 8 }, put: [{ id: 'old1', persisted: true }] })
})

t.test('the next carriers join it, each once', async (t) => {
  const plan = planOf({
    hosts: [specOf('a1', { targets: ['db', 'share'] }), specOf('b1')],
    targets: [targetOf(), targetOf('share')],
  })
  const fleet = new Fleet({ plan })
  fleet.join('a1', reportOf('drained', [held('old1')]), reportOf('drained', [held('old1')], { target: 'share' }))
  t.strictSame(fleet.state.holds.get('old1')?.targets, ['db', 'share'])
  fleet.join('b1', reportOf('drained', [held('old1')]))
  t.strictSame([...(fleet.state.holds.get('old1')?.members ?? [])], ['a1', 'b1'])
  t.strictSame(fleet.notes, ['target-changed'], 'it was adopted before')
  t.equal(fleet.saves.length, 0)
  fleet.tick()
  t.equal(fleet.saves.length, 1, 'any number of them costs one write')
  fleet.report('b1', reportOf('drained', [held('old1')]))
  fleet.tick()
  t.equal(fleet.saves.length, 1)
})

t.test('a carrier of a known hold that is no member of it becomes one', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1', { members: new Set(['b1']) })] })
  fleet.join('a1', reportOf('drained', [held('x1')]))
  t.strictSame([...(fleet.state.holds.get('x1')?.members ?? [])], ['b1', 'a1'])
  t.equal(fleet.state.holds.get('x1')?.orphan, false)
  t.notOk(fleet.notes.includes('hold-adopted'))
  t.match(fleet.lastSave, { claim: { revision: 8 }, put: [{ id: 'x1', persisted: true }] })
  t.equal(fleet.state.holds.get('x1')?.persisted, true, 'whoever waits for it is not told otherwise')
})

t.test('on a full store it becomes one all the same', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1', { members: new Set(['b1']) })] })
  fleet.isFull = true
  fleet.join('a1', reportOf('drained', [held('x1')]))
  t.match(fleet.state.holds.get('x1'), { members: new Set(['b1', 'a1']), persisted: false })
  t.equal(fleet.state.claim.revision, 7)
})

const both = planOf({
  hosts: [specOf('a1', { targets: ['db', 'share'] }), specOf('b1', { targets: ['db', 'share'] })],
  targets: [targetOf(), targetOf('share')],
})
const share = (...ids: readonly string[]) =>
  reportOf(
    'drained',
    ids.map((id) => held(id)),
    { target: 'share' },
  )

t.test('the word of one host adds no target to a hold of this store', async (t) => {
  const fleet = new Fleet({ plan: both, holds: [fleetHold('x1')] })
  fleet.join('a1', reportOf('drained', [held('x1')]), share('x1'))
  t.strictSame(fleet.state.holds.get('x1')?.targets, ['db'])
  t.strictSame(fleet.orders, [], 'its own marker keeps it')
  fleet.join('b1', reportOf('drained', [held('x1')]), reportOf('open', [], { target: 'share' }))
  t.strictSame(fleet.orders, [])
  fleet.undrain({ hold: 'x1' })
  t.match(
    fleet.commands.map(({ target, release }) => [target, release]),
    [
      ['db', ['x1']],
      ['share', ['x1']],
      ['db', ['x1']],
    ],
    'until it is released',
  )
})

t.test('nor is a host that carries it on another target a member', async (t) => {
  const fleet = new Fleet({ plan: both, holds: [fleetHold('x1', { members: new Set(['b1']) })] })
  fleet.join('a1', reportOf('open'), share('x1'))
  t.strictSame([...(fleet.state.holds.get('x1')?.members ?? [])], ['b1'])
  t.strictSame(fleet.orders, [])
})

t.test('an orphan is found target by target, and what is found is written', async (t) => {
  const fleet = new Fleet({ plan: both })
  fleet.join('a1', reportOf('drained', [held('old1')]))
  fleet.tick()
  fleet.join('b1', share('old1'), reportOf('open'))
  t.match(fleet.state.holds.get('old1'), { targets: ['db', 'share'], members: new Set(['a1', 'b1']), persisted: false })
  fleet.tick()
  t.equal(fleet.saves.length, 2)
  fleet.report('a1', reportOf('drained', [held('old1')]), share('old1'))
  fleet.tick()
  t.equal(fleet.saves.length, 2)
})

t.test('a known hold has the targets that it was given, also where one host alone has it', async (t) => {
  const fleet = new Fleet({ plan: both, holds: [fleetHold('x1', { members: new Set(['a1']) })] })
  fleet.join('a1', reportOf('drained', [held('x1')]), share('x1'))
  t.strictSame(fleet.state.holds.get('x1')?.targets, ['db'])
})

t.test('an excepted carrier does not: it is told to release', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1', { except: new Set(['a1']) })] })
  fleet.join('a1', reportOf('drained', [held('x1')]))
  t.equal(fleet.saves.length, 0)
  t.match(fleet.commands, [{ action: 'undrain', release: ['x1'], allow: true }])
})

const notAdopted: readonly [name: string, hold: Parameters<typeof held>][] = [
  ['v1', ['v1/1', 'v1']],
  ['direct', ['d1', 'direct']],
  ['self', ['self/1', 'self']],
  ['released', ['x9']],
  ['a run of this boot’s gate, which its file tells', [`pg/${bootId}/3`, 'gate:pg']],
  ['that under another owner', [`pg/${bootId}/3`]],
  ['a gate’s id under another owner', ['pg/old/3']],
  ['a gate’s id of another gate', ['s3/old/3', 'gate:pg']],
  ['another’s id in the name of a gate', ['x1', 'gate:pg']],
]
for (const [name, hold] of notAdopted) {
  t.test(`not adopted: ${name}`, async (t) => {
    const fleet = new Fleet({ plan: gated, released: ['x9'] })
    fleet.join('a1', reportOf('drained', [held(...hold)]))
    t.equal(fleet.state.holds.size, 0)
    t.equal(fleet.saves.length, 0)
  })
}

t.test('a gate’s is adopted while that gate is down, and given back when it is up', async (t) => {
  const fleet = new Fleet({ plan: gated })
  fleet.gate('down', 3)
  fleet.join('a1', reportOf('drained', [held('pg/old/7', 'gate:pg')]))
  t.match(fleet.state.holds.get('pg/old/7'), { orphan: true })
  fleet.gate('up', 4)
  t.equal(fleet.state.holds.size, 0)
  t.match(fleet.commands, [{ action: 'undrain', release: ['pg/old/7'] }])
  fleet.join('b1', reportOf('drained', [held('pg/old/7', 'gate:pg')]))
  t.match(fleet.commands, [{ action: 'undrain', release: ['pg/old/7'] }], 'also what comes later')
  fleet.report('b1', reportOf('drained', [held('pg/old/6', 'gate:pg')]))
  t.match(fleet.commands, [{ action: 'undrain', release: ['pg/old/6'] }], 'and what this store never knew')
  t.equal(fleet.state.holds.size, 0)
})

t.test('an orphan that the store cannot take is kept in mind, and saved later', async (t) => {
  const fleet = new Fleet()
  fleet.isFull = true
  fleet.join('a1', reportOf('drained', [unknown]))
  t.match(fleet.state.holds.get('old1'), { orphan: true, persisted: false })
  t.equal(fleet.state.claim.revision, 7)
  fleet.isFull = false
  fleet.tick()
  t.match(fleet.lastSave.put, [{ id: 'old1', persisted: true }])
})

t.test('a report costs its own host only, also where it is adopted', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1')] })
  fleet.join('b1', reportOf('open'))
  fleet.nowMs += 60_000
  fleet.join('a1', reportOf('drained', [unknown]))
  t.strictSame(fleet.orders, ['drain a1'], 'b1 is looked at by the next tick')
})
