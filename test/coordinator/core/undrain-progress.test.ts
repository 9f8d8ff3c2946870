import t from 'tap'
import { h1, one, opening, refused, units } from './progress-scene.ts'
import { Fleet, openFleet } from './scene.ts'
import { held, planOf, reportOf, resourceOf, specOf, targetOf } from './shapes.ts'

const probed = planOf({ resources: [resourceOf('pg', { probed: true })] })

const opens: readonly [name: string, prepare: (fleet: Fleet) => void, is: string, reason: RegExp, units: string[]][] = [
  ['open', () => {}, 'done', /^$/, []],
  [
    'open, one unit failed',
    (fleet) => fleet.report('a1', reportOf('open', [], { failed: units })),
    'failed',
    /^open, but failed: app\.service$/,
    units,
  ],
  ['drifted', (fleet) => fleet.report('a1', reportOf('drifted')), 'failed', /by hand/, []],
  [
    'opening',
    (fleet) => fleet.report('a1', reportOf('opening', [], { waitingFor: 'a unit' })),
    'moving',
    /^a unit$/,
    [],
  ],
  ['held by the fleet', (fleet) => fleet.drain('h1'), 'held', /^operator:ada \([0-9a-f]+\)$/, []],
  [
    'held by itself',
    (fleet) => fleet.report('a1', reportOf('drained', [held('v1/1', 'v1')])),
    'held',
    /^v1 \(v1\/1\)$/,
    [],
  ],
  [
    'still carrying what was released',
    (fleet) => {
      fleet.drain('h1')
      fleet.report('a1', reportOf('drained', [held(h1)]))
      fleet.undrain()
    },
    'moving',
    /^$/,
    [],
  ],
  [
    'past the agent’s deadline',
    (fleet) => {
      fleet.report('a1', reportOf('released'))
      fleet.respond('a1', 'deadline', { units })
    },
    'deadline',
    /^deadline$/,
    units,
  ],
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
]
for (const [name, prepare, is, reason, units] of opens) {
  t.test(`undrain: ${name}`, async (t) => {
    const fleet = openFleet()
    prepare(fleet)
    t.match(one(opening(fleet, { selector: 'a1' }).hosts), [is, reason, units])
    t.match(opening(fleet, { selector: 'a1' }), { want: 'open', settled: is !== 'moving' })
  })
}

t.test('undrain: waits for the probes', async (t) => {
  const fleet = new Fleet({ plan: probed })
  fleet.join('a1', reportOf('released'))
  t.match(one(opening(fleet).hosts), ['waiting', /^pg: not probed yet$/])
  fleet.probe(false)
  t.match(one(opening(fleet).hosts), ['waiting', /^pg: connection refused$/])
  fleet.probe(true)
  t.match(one(opening(fleet).hosts), ['moving'])
})

t.test('undrain: waits for the reports after a takeover', async (t) => {
  const fleet = new Fleet({ awaiting: ['b1'] })
  fleet.join('a1', reportOf('released'))
  t.match(one(opening(fleet).hosts), ['waiting', /^for the reports of b1 after the takeover$/])
  t.match(one(opening(fleet).hosts, 'b1'), ['moving', /^not connected yet$/])
})

t.test('undrain: waits for its wave', async (t) => {
  const fleet = new Fleet({ plan: planOf({ targets: [targetOf('db', { waves: ['a1'] })] }) })
  fleet.join('a1', reportOf('released'))
  fleet.join('b1', reportOf('opening'))
  t.match(one(opening(fleet).hosts), ['waiting', /earlier wave/])
})

t.test('undrain: no report yet', async (t) => {
  const fleet = new Fleet()
  fleet.up('a1')
  t.match(one(opening(fleet).hosts), ['moving', /^no report yet$/])
  fleet.up('a1', { targets: [] })
  t.match(one(opening(fleet).hosts), ['failed', /no target named db/])
})

t.test('undrain: v1 hosts', async (t) => {
  const fleet = openFleet({ plan: planOf({ hosts: [specOf('a1', { protocol: 'v1' })] }) })
  t.match(one(opening(fleet).hosts), ['acknowledged', /was not drained/])
  fleet.drain('h1')
  fleet.toldV1('a1', 'drain')
  fleet.undrain()
  t.match(one(opening(fleet).hosts), ['moving', /^no report yet$/])
  fleet.toldV1('a1', 'undrain', false)
  t.match(one(opening(fleet).hosts), ['failed', /^no$/])
  fleet.tick(1_000)
  fleet.toldV1('a1', 'undrain')
  t.match(one(opening(fleet).hosts), ['acknowledged', /does not say when every unit is up/])
})

t.test('undrain: of one target, or of all', async (t) => {
  const hosts = [specOf('a1', { targets: ['db', 'share'] }), specOf('b1', { targets: ['share'] })]
  const fleet = openFleet({ plan: planOf({ hosts, targets: [targetOf(), targetOf('share')] }) })
  t.strictSame(
    opening(fleet).hosts.map(({ host, target }) => `${host}/${target}`),
    ['a1/db', 'a1/share', 'b1/share'],
  )
  t.strictSame(
    opening(fleet, { target: 'db' }).hosts.map(({ host, target }) => `${host}/${target}`),
    ['a1/db'],
  )
  t.match(
    refused(() => opening(fleet, { selector: 'z' })),
    { code: 'nothing-selected' },
  )
})
