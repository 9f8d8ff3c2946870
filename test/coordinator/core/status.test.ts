import t from 'tap'
import * as v from 'valibot'
import { fleetStatus } from '../../../coordinator/core/status.ts'
import { fleetStatus as decoder } from '../../../protocol/api.ts'
import { Fleet, openFleet } from './scene.ts'
import { bootId, claim, fleetHold, held, planOf, reportOf, resourceOf, specOf, targetOf, twin } from './shapes.ts'

const statusOf = (fleet: Fleet) => {
  const status = fleetStatus(fleet.state, fleet.nowMs, 1_700_000_000_000)
  t.ok(v.is(decoder, JSON.parse(JSON.stringify(status))), 'what the API’s own decoder takes')
  return status
}
const hostOf = (fleet: Fleet, name = 'a1') => statusOf(fleet).hosts.find((host) => host.name === name)

t.test('the fleet', async (t) => {
  const fleet = new Fleet({ holds: [fleetHold('x1', { except: new Set(['b1']) })], awaiting: ['b1', 'a1'] })
  t.match(statusOf(fleet), {
    claim,
    build: 'guardian test',
    nowMs: 1_700_000_000_000,
    superseded: null,
    awaiting: ['a1', 'b1'],
    holds: [{ id: 'x1', targets: ['db'], hosts: ['a1'], except: ['b1'], persisted: true, orphan: false }],
  })
  fleet.outrank('a1', { ...claim, instance: twin })
  t.match(statusOf(fleet), { superseded: { host: 'a1', seen: { instance: twin } } })
})

t.test('a host that was never seen', async (t) => {
  const fleet = new Fleet()
  fleet.nowMs += 500
  t.strictSame(hostOf(fleet), {
    name: 'a1',
    address: '198.18.0.1',
    tags: ['web'],
    protocol: 'v2',
    connected: false,
    sinceMs: 500,
    reason: 'not connected yet',
    roundTripMs: null,
    build: null,
    bootId: null,
    targets: [
      {
        target: 'db',
        want: 'open',
        is: null,
        holds: [],
        dependents: [],
        waitingFor: '',
        failed: [],
        breaches: 0,
        durable: true,
      },
    ],
  })
})

t.test('a host that is connected', async (t) => {
  const fleet = new Fleet()
  fleet.up('a1')
  fleet.send({ type: 'round-trip', host: 'a1', link: fleet.link('a1'), ms: 2 })
  const dependents = [{ unit: 'app.service', active: 'active' as const, guarded: true, processes: 1 }]
  fleet.report(
    'a1',
    reportOf('drained', [held('self/1', 'self')], {
      dependents,
      waitingFor: 'pg',
      failed: ['b.service'],
      breaches: 2,
      durable: false,
    }),
  )
  fleet.nowMs += 300
  t.match(hostOf(fleet), {
    connected: true,
    sinceMs: 300,
    reason: '',
    roundTripMs: 2,
    build: 'guardian agent',
    bootId,
    targets: [
      {
        want: 'drained',
        is: 'drained',
        holds: [{ id: 'self/1' }],
        dependents,
        waitingFor: 'pg',
        failed: ['b.service'],
        breaches: 2,
        durable: false,
      },
    ],
  })
})

t.test('what is wrong with the last order comes before what the agent waits for', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  fleet.report('a1', reportOf('draining', [], { waitingFor: 'pg' }))
  fleet.respond('a1', 'deadline')
  t.equal(hostOf(fleet)?.targets[0]?.waitingFor, 'deadline')
})

t.test('a v1 host', async (t) => {
  const fleet = openFleet({ plan: planOf({ hosts: [specOf('a1', { protocol: 'v1' })] }) })
  t.match(hostOf(fleet), { connected: true, bootId: null, build: 'v1', targets: [{ is: null }] })
  fleet.drain('h1')
  fleet.toldV1('a1', 'drain')
  t.match(hostOf(fleet), { targets: [{ want: 'drained', is: 'acknowledged' }] })
  fleet.undrain()
  fleet.toldV1('a1', 'undrain')
  t.match(hostOf(fleet), { targets: [{ want: 'open', is: 'acknowledged' }] })
})

t.test('what a v1 host acknowledged is not taken for the other that is wanted now', async (t) => {
  const plan = planOf({
    hosts: [specOf('a1', { protocol: 'v1' }), specOf('b1')],
    targets: [targetOf('db', { waves: ['b1'] })],
    resources: [resourceOf('pg', { probed: true })],
  })
  const fleet = openFleet({ plan })
  fleet.drain('h1', { selector: 'a1' })
  fleet.toldV1('a1', 'drain')
  fleet.undrain()
  t.strictSame(fleet.orders, [])
  t.match(hostOf(fleet), { targets: [{ want: 'open', is: null }] }, 'it waits for its database')
  fleet.probe(true)
  fleet.toldV1('a1', 'undrain')
  fleet.drain('h2')
  t.strictSame(fleet.orders, ['drain b1'])
  t.match(hostOf(fleet), { targets: [{ want: 'drained', is: null }] }, 'it waits for its wave')
})

t.test('a duration may be longer than a year', async (t) => {
  const fleet = openFleet()
  fleet.nowMs += 400 * 86_400_000
  t.equal(hostOf(fleet)?.sinceMs, 400 * 86_400_000)
  t.equal(statusOf(fleet).resources[0]?.sinceMs, 400 * 86_400_000)
})

t.test('resources', async (t) => {
  const resources = [
    resourceOf('pg', { probed: true, gate: { limitMs: 1 } }),
    resourceOf('redis', { gate: { limitMs: 1 } }),
    resourceOf('s3', { probed: true }),
    resourceOf('nfs'),
  ]
  const fleet = new Fleet({ plan: planOf({ resources }) })
  fleet.nowMs += 50
  fleet.gate('up', 1)
  fleet.probe(true, 's3')
  fleet.nowMs += 100
  fleet.probe(true, 's3')
  t.strictSame(statusOf(fleet).resources, [
    { name: 'pg', ready: false, reason: 'not probed yet', sinceMs: 150, gate: 'up' },
    { name: 'redis', ready: true, reason: 'not probed yet', sinceMs: 150, gate: 'down' },
    { name: 's3', ready: true, reason: '', sinceMs: 100, gate: 'none' },
    { name: 'nfs', ready: true, reason: 'not probed yet', sinceMs: 150, gate: 'none' },
  ])
})

t.test('a probe of a resource that is not configured, and one that says nothing new', async (t) => {
  const fleet = openFleet()
  const { state } = fleet
  fleet.probe(true, 'z')
  t.equal(fleet.state, state)
  fleet.probe(false)
  t.strictSame(fleet.notes, [])
  fleet.probe(true)
  t.match(fleet.effects, [{ note: { what: 'resource-ready', resource: 'pg' } }])
  fleet.probe(false)
  t.match(fleet.effects, [{ note: { what: 'resource-lost', text: 'connection refused' } }])
})
