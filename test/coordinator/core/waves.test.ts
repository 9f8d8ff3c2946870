import t from 'tap'
import { place } from '../../../coordinator/core/waves.ts'
import { Fleet, openFleet } from './scene.ts'
import { fleetHold, held, idOf, planOf, reportOf, specOf, targetOf } from './shapes.ts'

const h1 = idOf('h1')
const hosts = [specOf('a1'), specOf('a2'), specOf('b1', { tags: ['rest'] }), specOf('c1', { tags: [] })]
const waves = planOf({ hosts, targets: [targetOf('db', { waves: ['@web', '@rest'] })] })

const drained = (...ids: readonly string[]) =>
  reportOf(
    'drained',
    ids.map((id) => held(id)),
  )

/** Four hosts in three waves, all open. */
function waveFleet(start: ConstructorParameters<typeof Fleet>[0] = {}): Fleet {
  return openFleet({ plan: waves, ...start })
}

/** Four hosts in three waves, all drained by h1. */
function shutFleet(start: ConstructorParameters<typeof Fleet>[0] = {}): Fleet {
  const fleet = new Fleet({
    plan: waves,
    holds: [fleetHold(h1, { members: new Set(hosts.map(({ name }) => name)) })],
    ...start,
  })
  for (const { name } of hosts) fleet.join(name, drained(h1))
  fleet.tick()
  return fleet
}

t.test('a host is in the first wave that matches, else in the last', async (t) => {
  t.strictSame(
    place(
      planOf({ hosts: [...hosts, specOf('x', { targets: [] })], targets: [targetOf('db', { waves: ['a2', '@web'] })] }),
    ),
    new Map([
      [
        'db',
        new Map([
          ['a1', 1],
          ['a2', 0],
          ['b1', 2],
          ['c1', 2],
        ]),
      ],
    ]),
  )
})

t.test('a drain goes wave by wave, each when the one before is done', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1')
  t.strictSame(fleet.orders, ['drain a1', 'drain a2'])
  t.match(
    fleet.effects.filter(({ type }) => type === 'note'),
    [
      { note: { what: 'hold-taken' } },
      { note: { what: 'wave-started', target: 'db', want: 'drained', wave: 0, hosts: 2 } },
    ],
  )
  fleet.report('a1', drained(h1))
  t.strictSame(fleet.orders, [])
  fleet.report('a2', reportOf('draining', [held(h1)]))
  t.strictSame(fleet.orders, [], 'to have the hold is not to be drained')
  fleet.report('a2', drained(h1))
  t.strictSame(fleet.orders, ['drain b1'])
  fleet.report('b1', drained(h1))
  t.strictSame(fleet.orders, ['drain c1'])
  fleet.report('c1', drained(h1))
  t.equal(fleet.state.movements.get('db')?.drain, null)
})

t.test('an undrain goes the other way round', async (t) => {
  const fleet = shutFleet()
  fleet.undrain()
  t.match(
    fleet.commands.map(({ action, ...more }) => [action, 'allow' in more && more.allow]),
    [
      ['undrain', false],
      ['undrain', false],
      ['undrain', false],
      ['undrain', true],
    ],
  )
  t.ok(
    fleet.effects.some(
      (effect) => effect.type === 'note' && effect.note.what === 'wave-started' && effect.note.want === 'open',
    ),
  )
  for (const host of ['a1', 'a2', 'b1']) fleet.report(host, reportOf('released'))
  t.strictSame(fleet.orders, [])
  fleet.report('c1', reportOf('opening'))
  t.strictSame(fleet.orders, [])
  fleet.report('c1', reportOf('open'))
  t.strictSame(fleet.orders, ['undrain b1'])
  fleet.report('b1', reportOf('drifted'))
  t.strictSame(fleet.orders, ['undrain a1', 'undrain a2'], 'one that drifted was open')
})

const ends: readonly [name: string, end: (fleet: Fleet) => void][] = [
  ['drained', (fleet) => fleet.report('a1', drained(h1))],
  ['failed', (fleet) => fleet.respond('a1', 'failed')],
  ['a target that its agent does not have', (fleet) => fleet.up('a1', { targets: [] })],
]
for (const [name, end] of ends) {
  t.test(`a wave need not wait for a host that is over: ${name}`, async (t) => {
    const fleet = waveFleet()
    fleet.drain('h1', { selector: 'a1,b1' })
    t.strictSame(fleet.orders, ['drain a1'])
    end(fleet)
    fleet.tick()
    t.ok(fleet.seat('b1').order !== null)
  })
}

const goesOn: readonly [name: string, outcome: Parameters<Fleet['respond']>[1]][] = [
  ['its own deadline', 'deadline'],
  ['not persisted yet', 'not-persisted'],
]
for (const [name, outcome] of goesOn) {
  t.test(`a wave waits on after ${name}`, async (t) => {
    const fleet = waveFleet()
    fleet.drain('h1', { selector: 'a1,b1' })
    fleet.respond('a1', outcome)
    fleet.tick()
    t.equal(fleet.seat('b1').order, null)
  })
}

t.test('a host that is gone keeps its wave waiting for the grace only: one tick early waits', async (t) => {
  const fleet = waveFleet()
  fleet.down('a1')
  fleet.drain('h1', { selector: 'a1,b1' })
  fleet.tick(19_999)
  t.strictSame(fleet.orders, [])
  fleet.tick(1)
  t.strictSame(fleet.orders, ['drain b1'])
  fleet.up('a1')
  t.strictSame(fleet.orders, ['drain a1'], 'a latecomer is brought there alone')
})

t.test('a host that comes back before its wave waits for it', async (t) => {
  const fleet = waveFleet()
  fleet.down('c1')
  fleet.tick(20_000)
  fleet.drain('h1', { selector: 'a1,b1,c1' })
  fleet.join('c1', reportOf('open'))
  t.strictSame(fleet.orders, [])
})

t.test('the deadline of a wave is inclusive, and ends the waiting only', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1')
  fleet.report('a1', drained(h1))
  fleet.report('a2', reportOf('draining', [held(h1)]))
  fleet.tick(89_999)
  t.strictSame(fleet.orders, [])
  fleet.tick(1)
  t.strictSame(fleet.orders, ['drain b1'])
  fleet.report('b1', drained(h1))
  t.strictSame(fleet.orders, ['drain c1'], 'the next wave does not wait for a host that is late')
  t.strictSame([...(fleet.state.movements.get('db')?.drain?.late ?? [])], ['a2'])
})

t.test('the deadline of an undrain is its own', async (t) => {
  const fleet = shutFleet()
  fleet.undrain()
  for (const { name } of hosts) fleet.report(name, reportOf('released'))
  fleet.tick(59_999)
  t.notOk(fleet.orders.includes('undrain b1'))
  fleet.tick(1)
  t.ok(fleet.orders.includes('undrain b1'))
  t.notOk(fleet.orders.includes('undrain a1'))
})

t.test('after the last wave a host that never ends does not take the order from the next drain', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1', { selector: 'c1' })
  fleet.report('c1', reportOf('draining', [held(h1)]))
  fleet.tick(90_000)
  t.match(fleet.state.movements.get('db')?.drain, { wave: null, late: new Set(['c1']) })
  t.equal(fleet.state.movements.get('db')?.drain?.pending.size, 0)
  fleet.drain('h2', { selector: 'a1,b1' })
  t.strictSame(fleet.orders, ['drain a1'])
  fleet.report('a1', drained(idOf('h2')))
  t.strictSame(fleet.orders, ['drain b1'])
  fleet.report('b1', drained(idOf('h2')))
  fleet.tick()
  t.equal(fleet.state.movements.get('db')?.drain?.wave, null)
  fleet.report('c1', drained(h1))
  fleet.tick()
  t.equal(fleet.state.movements.get('db')?.drain, null)
})

t.test('a host that is late for one hold goes alone for the next', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1', { selector: 'c1' })
  fleet.tick(90_000)
  fleet.drain('h2', { selector: 'a1,c1' })
  t.strictSame(fleet.orders, ['drain a1', 'drain c1'])
})

t.test('hosts that join an earlier wave are ordered at once, and waited for', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1', { selector: 'b1,c1' })
  t.strictSame(fleet.orders, ['drain b1'])
  fleet.drain('h2', { selector: 'a1' })
  t.strictSame(fleet.orders, ['drain a1'])
  fleet.report('b1', drained(h1))
  t.strictSame(fleet.orders, [])
  fleet.report('a1', drained(idOf('h2')))
  t.strictSame(fleet.orders, ['drain c1'])
})

t.test('a host that a second hold finds drained needs no turn', async (t) => {
  const fleet = shutFleet()
  fleet.drain('h2', { selector: 'c1' })
  t.match(fleet.commands, [{ action: 'drain', holds: [{ id: idOf('h2') }] }])
  fleet.drain('h3', { selector: 'a1,b1' })
  t.strictSame(fleet.orders, ['drain a1', 'drain b1'])
})

t.test('drained means by every hold that is wanted', async (t) => {
  const fleet = shutFleet()
  fleet.drain('h2', { selector: 'a1,a2' })
  t.strictSame([...(fleet.state.movements.get('db')?.drain?.pending.keys() ?? [])].sort(), ['a1', 'a2'])
})

t.test('a host that comes back when only late ones are left goes at once', async (t) => {
  const fleet = waveFleet()
  fleet.down('b1')
  fleet.tick(20_000)
  fleet.drain('h1', { selector: 'b1,c1' })
  fleet.tick(90_000)
  t.equal(fleet.state.movements.get('db')?.drain?.wave, null)
  fleet.up('b1')
  t.strictSame(fleet.orders, ['drain b1'])
})

t.test('a hold of its own beside the wanted one is no reason to wait', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1', { selector: 'a1,b1' })
  fleet.report('a1', reportOf('drained', [held(h1), held('v1/1', 'v1')]))
  t.strictSame(fleet.orders, ['drain b1'])
})

t.test('a wave is told when it starts, and its end is not', async (t) => {
  const fleet = waveFleet()
  fleet.drain('h1', { selector: 'c1' })
  t.ok(fleet.notes.includes('wave-started'))
  fleet.tick()
  t.strictSame(fleet.notes, [])
  fleet.tick(90_000)
  t.strictSame(fleet.notes, [])
})
