import t from 'tap'
import { drainProgress, undrainProgress } from '../../../coordinator/core/progress.ts'
import type { HostProgress } from '../../../protocol/api.ts'
import { GuardianError } from '../../../protocol/errors.ts'
import type { TargetReport } from '../../../protocol/v2/report.ts'
import { Fleet, openFleet } from './scene.ts'
import { claim, fleetHold, held, idOf, planOf, reportOf, resourceOf, specOf, targetOf, twin } from './shapes.ts'

const h1 = idOf('h1')
const units = ['app.service']

function refused(work: () => unknown): unknown {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof GuardianError) return { code: cause.code, message: cause.message }
    throw cause
  }
}

const draining = (fleet: Fleet, hold = h1) => drainProgress(fleet.state, hold, fleet.nowMs)
const opening = (fleet: Fleet, more: { target?: string; selector?: string } = {}) =>
  undrainProgress(fleet.state, { selector: '*', ...more }, fleet.nowMs)
const one = (hosts: readonly HostProgress[], name = 'a1') => {
  const { is, reason, units } = hosts.find(({ host }) => host === name) ?? {}
  return [is, reason, units]
}

/** Both hosts open, a1 ordered to drain by h1. */
function ordered(): Fleet {
  const fleet = openFleet()
  fleet.drain('h1', { selector: 'a1' })
  return fleet
}

const carried = (is: TargetReport['is'], more: Partial<TargetReport> = {}) => reportOf(is, [held(h1)], more)

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
              { unit: 'left.service', active: 'inactive', guarded: true, processes: 2 },
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

t.test('settled is when all are', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  fleet.report('a1', carried('drained'))
  t.match(draining(fleet), { settled: false, hosts: [{ is: 'done' }, { is: 'moving' }] })
  fleet.report('b1', carried('drained'))
  t.equal(draining(fleet).settled, true)
})
