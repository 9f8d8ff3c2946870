import t from 'tap'
import { carried, draining, h1, one, opening, ordered, refused, units } from './progress-scene.ts'
import { type Fleet, openFleet } from './scene.ts'
import { claim, fleetHold, held, planOf, reportOf, specOf, targetOf, twin } from './shapes.ts'

const drains: readonly [name: string, prepare: (fleet: Fleet) => void, is: string, reason: RegExp, units: string[]][] =
  [
    ['ordered', () => {}, 'moving', /^$/, []],
    ['drained', (fleet) => fleet.report('a1', carried('drained')), 'done', /^$/, []],
    [
      'drained, one unit failed',
      (fleet) => fleet.report('a1', carried('drained', { failed: units })),
      'done',
      /^ended failed: app\.service$/,
      units,
    ],
    [
      'drained, its marker not on disk',
      (fleet) => fleet.report('a1', carried('drained', { durable: false })),
      'not-persisted',
      /a reboot would forget it/,
      [],
    ],
    ['drained by another hold', (fleet) => fleet.report('a1', reportOf('drained', [held('x')])), 'moving', /^$/, []],
    ['draining', (fleet) => fleet.report('a1', carried('draining')), 'moving', /^$/, []],
    [
      'draining: what still runs is named',
      (fleet) =>
        fleet.report(
          'a1',
          carried('draining', {
            dependents: [
              { unit: 'app.service', active: 'deactivating', guarded: true, processes: 1 },
              { unit: 'gone.service', active: 'inactive', guarded: true, processes: 0 },
              { unit: 'bad.service', active: 'failed', guarded: true, processes: 0 },
              { unit: 'left.service', active: 'inactive', guarded: true, processes: 1 },
            ],
          }),
        ),
      'moving',
      /^$/,
      ['app.service', 'left.service'],
    ],
    [
      'the agent’s word on what it waits for counts more',
      (fleet) => fleet.tell('a1', { type: 'progress', id: fleet.seat('a1').order?.command ?? '', units }),
      'moving',
      /^$/,
      units,
    ],
    [
      'past the agent’s deadline',
      (fleet) => fleet.respond('a1', 'deadline', { units }),
      'deadline',
      /^deadline$/,
      units,
    ],
    ['failed', (fleet) => fleet.respond('a1', 'failed'), 'failed', /^failed$/, []],
    ['lost for a moment', (fleet) => fleet.down('a1'), 'moving', /^connection reset$/, []],
    [
      'lost for the whole grace',
      (fleet) => {
        fleet.down('a1')
        fleet.nowMs += 20_000
      },
      'unreachable',
      /^connection reset$/,
      [],
    ],
    [
      'drained, then lost: it stays drained',
      (fleet) => {
        fleet.report('a1', carried('drained'))
        fleet.down('a1')
        fleet.nowMs += 20_000
      },
      'done',
      /^$/,
      [],
    ],
  ]
for (const [name, prepare, is, reason, units] of drains) {
  t.test(`drain: ${name}`, async (t) => {
    const fleet = ordered()
    prepare(fleet)
    const progress = draining(fleet)
    t.match(progress, { want: 'drained', superseded: false, settled: is !== 'moving' })
    t.match(one(progress.hosts), [is, reason, units])
    t.equal(progress.hosts.length, 1)
  })
}

t.test('drain: a hold that only memory has is not done', async (t) => {
  const fleet = openFleet()
  fleet.isFull = true
  fleet.drain('h1', { selector: 'a1' })
  fleet.report('a1', carried('drained'))
  t.match(one(draining(fleet).hosts), ['not-persisted'])
  fleet.isFull = false
  fleet.tick()
  t.match(one(draining(fleet).hosts), ['done'])
})

t.test('drain: a later wave waits', async (t) => {
  const fleet = openFleet({ plan: planOf({ targets: [targetOf('db', { waves: ['a1'] })] }) })
  fleet.drain('h1')
  t.match(one(draining(fleet).hosts), ['moving'])
  t.match(one(draining(fleet).hosts, 'b1'), ['waiting', /earlier wave/])
  t.equal(draining(fleet).settled, false)
  fleet.report('b1', reportOf('draining', [held(h1)]))
  t.match(one(draining(fleet).hosts, 'b1'), ['moving'], 'one that has it needs no turn')
})

t.test('drain: a v1 host is acknowledged at best', async (t) => {
  const fleet = openFleet({ plan: planOf({ hosts: [specOf('a1', { protocol: 'v1' })] }) })
  fleet.drain('h1')
  t.match(one(draining(fleet).hosts), ['moving'])
  fleet.toldV1('a1', 'drain', false)
  t.match(one(draining(fleet).hosts), ['failed', /^no$/])
  fleet.tick(1_000)
  fleet.toldV1('a1', 'drain')
  t.match(one(draining(fleet).hosts), ['acknowledged', /forgets at a reboot/])
  t.equal(draining(fleet).settled, true)
})

t.test('drain: each target of a host that the hold has', async (t) => {
  const hosts = [specOf('a1', { targets: ['db', 'share'] }), specOf('b1', { targets: ['share'] })]
  const fleet = openFleet({ plan: planOf({ hosts, targets: [targetOf(), targetOf('share')] }) })
  fleet.drain('h1', { target: 'share' })
  t.strictSame(
    draining(fleet).hosts.map(({ host, target }) => [host, target]),
    [
      ['a1', 'share'],
      ['b1', 'share'],
    ],
  )
})

t.test('drain: exceptions and hosts that are not configured any more are no part of it', async (t) => {
  const fleet = openFleet({
    holds: [fleetHold('x1', { members: new Set(['a1', 'b1', 'z1']), except: new Set(['b1']) })],
  })
  t.strictSame(
    draining(fleet, 'x1').hosts.map(({ host }) => host),
    ['a1'],
  )
})

t.test('drain: of a hold that is not there', async (t) => {
  const fleet = openFleet({ released: ['x9'] })
  t.match(
    refused(() => draining(fleet, 'x9')),
    { code: 'unknown-hold', message: 'hold x9 was released' },
  )
  t.match(
    refused(() => draining(fleet, 'x8')),
    { code: 'unknown-hold', message: /^no hold x8/ },
  )
})

t.test('a superseded coordinator says so', async (t) => {
  const fleet = ordered()
  fleet.outrank('b1', { ...claim, instance: twin })
  t.equal(draining(fleet).superseded, true)
  t.equal(opening(fleet).superseded, true)
})

t.test('a reason is no longer than the wire takes', async (t) => {
  const fleet = ordered()
  fleet.report('a1', carried('drained', { failed: Array.from({ length: 50 }, (_, at) => `unit-number-${at}.service`) }))
  t.equal(draining(fleet).hosts[0]?.reason.length, 500)
})

t.test('settled is when all are', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  fleet.report('a1', carried('drained'))
  t.match(draining(fleet), { settled: false, hosts: [{ is: 'done' }, { is: 'moving' }] })
  fleet.report('b1', carried('drained'))
  t.equal(draining(fleet).settled, true)
})
