import t from 'tap'
import type { ResourcePlan } from '../../../../coordinator/core/state.ts'
import { type Manner, newSystem, policyOf, Site, well } from './site.ts'

const bootId = 'b'.repeat(32)
const database: ResourcePlan = { name: 'pg', gate: { limitMs: 1_000 }, probed: true, units: ['postgresql.service'] }

/** The coordinator runs on db1, which may have the database. */
function ownFleet(
  manner: Manner,
  resources: readonly ResourcePlan[] = [database],
  more: Parameters<typeof policyOf>[0] = {},
): Site {
  const plan = { resources: new Map(resources.map((resource) => [resource.name, resource])) }
  const site = new Site({
    hosts: ['a1', 'b1', 'db1'],
    self: 'db1',
    policy: policyOf({ reboot: { allow: 'always' }, ...more }),
    plan,
  })
  for (const { name, gate } of resources) {
    if (gate !== null) site.send({ type: 'gate-read', resource: name, gate: { is: 'up', seq: 1, bootId } })
    site.fleet.probe(true, name)
  }
  site.settle()
  site.manners.set('db1', manner)
  return site.plan()
}

const held = (site: Site) => [...site.machines.values()].filter(({ holds }) => holds.length > 0).map(({ name }) => name)

t.test('where its database stops, the whole fleet is drained around its switch', async (t) => {
  const touches = ['postgresql.service']
  const rows: readonly (readonly [
    what: string,
    resources: readonly ResourcePlan[],
    job: ReturnType<Manner>,
    drained: readonly string[],
  ])[] = [
    ['a unit with its data', [database], { touches }, ['a1', 'b1', 'db1']],
    ['a reboot', [database], { action: 'reboot' }, ['a1', 'b1', 'db1']],
    ['neither', [database], { touches: ['nginx.service'] }, ['db1']],
    ['no gate here', [{ ...database, gate: null }], { touches, action: 'reboot' }, ['db1']],
    ['no database', [], { action: 'reboot' }, ['db1']],
  ]
  for (const [what, resources, job, drained] of rows) {
    const site = ownFleet(({ want }) => (want === 'active' ? null : job), resources).start()
    t.equal(site.runs, 'a1 done, b1 done, db1 activating', what)
    t.strictSame(held(site), drained, what)
    site.set('db1', { is: 'active', current: newSystem, health: well })
    t.equal(site.run('db1').now.is, 'done', what)
    t.strictSame(held(site), [], `${what}: all are open again`)
    t.equal(site.is, 'succeeded', what)
  }
})

t.test('nobody is switched before the fleet is drained, as far as it can be reached', async (t) => {
  const site = ownFleet(() => ({ touches: ['postgresql.service'] }))
  site.manners.set('a1', ({ want }) => (want === 'active' ? null : {}))
  site.start().set('a1', { is: 'active', current: newSystem, health: well })
  const waits = ownFleet(() => ({ touches: ['postgresql.service'] }), [database], {
    stages: [{ name: 'all', select: '*', soak: '1m', maxParallel: 3 }],
  })
  waits.start()
  waits.machine('b1').isStuck = true
  waits.pass(60_000)
  t.equal(waits.run('db1').now.is, 'draining')
  waits.down('b1')
  t.equal(waits.run('db1').now.is, 'draining', 'it may come back')
  waits.pass(20_000)
  t.equal(waits.run('db1').now.is, 'soaking')
  const own = ownFleet(() => ({ touches: ['postgresql.service'] }), [database], {
    stages: [{ name: 'all', select: '*', soak: '1m', maxParallel: 3 }],
  }).start()
  own.machine('db1').isStuck = true
  own.pass(60_000).down('db1').pass(60_000)
  t.equal(own.run('db1').now.is, 'draining', 'of its own host it has to be seen')
})

t.test('an IO Guardian server of the fleet only acknowledges', async (t) => {
  const site = ownFleet(({ want }) => (want === 'active' ? null : { touches: ['postgresql.service'] }), [database], {
    stages: [{ name: 'all', select: '*', soak: '1m', maxParallel: 3 }],
  }).start()
  const { plan } = site.fleet.state
  const v1 = { name: 'v1', address: '198.18.0.9', tags: [], protocol: 'v1' as const, targets: ['db'] }
  site.send({ type: 'configured', plan: { ...plan, hosts: new Map([...plan.hosts, ['v1', v1]]) } })
  site.fleet.upV1('v1')
  site.settle().pass(60_000)
  t.equal(site.run('db1').now.is, 'draining')
  site.fleet.toldV1('v1', 'drain')
  site.settle()
  t.equal(site.run('db1').now.is, 'activating')
})

t.test('its agent is told how many agents a new coordinator has to reach', async (t) => {
  const site = ownFleet(() => ({})).start()
  t.equal(site.run('db1').agents, 3)
  t.equal(site.run('a1').agents, null)
})

t.test('its agent commits by itself', async (t) => {
  const site = ownFleet(({ want }) => (want === 'active' ? null : {})).start()
  t.equal(site.run('db1').now.is, 'activating')
  site.set('db1', { is: 'committed', current: newSystem, profile: newSystem, health: well })
  t.equal(site.run('db1').now.is, 'done')
  t.notOk(site.machine('db1').wants.includes('committed'), 'nobody had to say so')
})

t.test('a host that has no targets is not drained', async (t) => {
  const site = new Site({ hosts: ['a1'] })
  const { plan } = site.fleet.state
  const bare = { name: 'a1', address: '198.18.0.1', tags: [], protocol: 'v2' as const, targets: [] }
  site.send({ type: 'configured', plan: { ...plan, hosts: new Map([['a1', bare]]) } })
  site.settle().plan().start()
  t.equal(site.runs, 'a1 done')
  t.equal(site.run('a1').holds, 0)
})
