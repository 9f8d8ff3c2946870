import t from 'tap'
import { decodeCoordinatorConfig } from '../../coordinator/config.ts'
import { GuardianError } from '../../protocol/errors.ts'

const hosts = {
  web1: { address: '198.18.0.11', tags: ['web'] },
  db1: { address: '198.18.0.12' },
}
const source = { mode: 'closure', flake: 'git+ssh://git@forge.internal/infra' }
const policy = {
  source,
  stages: [
    { name: 'canary', select: 'web1', soak: '10m', promote: 'manual' },
    { name: 'rest', select: '*', maxParallel: 2, window: 'Mon..Fri 09:00/8h Europe/Berlin' },
  ],
  hooks: [{ name: 'migrate', before: 'stage:rest', run: ['migrate', 'up'], reversible: false }],
  reboot: { allow: 'window', window: 'Sun 02:00/3h' },
  gates: { before: [{ promql: 'up == 1' }], between: [{ exec: ['caught-up'] }] },
  health: { probes: { app: { http: 'http://127.0.0.1:8080/', when: 'drained' }, lb: { exec: ['check', '{host}'] } } },
}
const prometheus = 'http://127.0.0.1:9090'
const budgets = { web: { select: '@web', maxUnavailable: '34%' }, any: { select: '*', maxUnavailable: 1 } }
const whole = { hosts, rebuilds: { self: 'db1', prometheus, budgets, policies: { default: policy } } }

t.test('a whole policy, its defaults filled in', async (t) => {
  const config = decodeCoordinatorConfig('test', whole)
  const { policies, self, budgets } = config.plan.rebuilds
  t.equal(self, 'db1')
  t.equal(config.prometheus, prometheus)
  t.equal(budgets.get('web')?.maxUnavailable, '34%')
  const read = policies.get('default')
  t.strictSame(
    read?.stages.map(({ soak, promote, maxParallel }) => [soak, promote, maxParallel]),
    [
      [600_000, 'manual', 1],
      [120_000, 'auto', 2],
    ],
  )
  t.equal(read?.confirm.timeout, 900_000)
  t.equal(read?.onFailure, 'rollback-host-and-pause')
})

t.test('a policy that was read is read again as the same', async (t) => {
  const policies = decodeCoordinatorConfig('test', whole).plan.rebuilds.policies
  const again = { ...whole, rebuilds: { ...whole.rebuilds, policies: Object.fromEntries(policies) } }
  t.strictSame(decodeCoordinatorConfig('test', again).plan.rebuilds.policies, policies)
})

t.test('a fleet without rebuilds', async (t) => {
  const { rebuilds } = decodeCoordinatorConfig('test', {}).plan
  t.strictSame(rebuilds, { policies: new Map(), budgets: new Map(), self: null })
})

const changed = (change: object) => ({
  ...whole,
  rebuilds: { ...whole.rebuilds, policies: { p: { ...policy, ...change } } },
})
const stages = (...list: readonly object[]) => changed({ stages: list, hooks: [] })

const refusals: readonly [name: string, config: object, ...says: string[]][] = [
  ['a coordinator on no host', { ...whole, rebuilds: { self: 'db2' } }, 'rebuilds.self', 'no host is named db2'],
  [
    'a budget that selects what cannot be read',
    { rebuilds: { budgets: { a: { select: 'a b', maxUnavailable: 1 } } } },
    'rebuilds.budgets.a.select',
    '"a b"',
  ],
  ['a budget of nothing', { rebuilds: { budgets: { a: { select: '*', maxUnavailable: 0 } } } }, 'maxUnavailable'],
  ['a budget beyond all', { rebuilds: { budgets: { a: { select: '*', maxUnavailable: '101%' } } } }, 'maxUnavailable'],
  ['no stage', stages(), 'rebuilds.policies.p.stages'],
  ['a stage that selects what cannot be read', stages({ name: 'a', select: 'a b' }), 'stages.0.select', '"a b"'],
  [
    'two stages of one name',
    stages({ name: 'a', select: 'x' }, { name: 'a', select: '*' }),
    'stages.1.name',
    'earlier',
  ],
  [
    'a window that cannot be read',
    stages({ name: 'a', select: '*', window: 'at night' }),
    'stages.0.window',
    'Sun 02:00/3h',
  ],
  [
    'a zone that does not exist',
    stages({ name: 'a', select: '*', window: '02:00/3h Mars/Base' }),
    'no time zone is named Mars/Base',
  ],
  [
    'a hook before no stage',
    changed({ hooks: [{ name: 'h', before: 'stage:web', run: ['x'] }] }),
    'hooks.0.before',
    'no stage is named web; there are canary, rest',
  ],
  [
    'two hooks of one name',
    changed({ hooks: [1, 2].map(() => ({ name: 'h', before: 'stage:rest', run: ['x'] })) }),
    'hooks.1.name',
    'earlier hook',
  ],
  ['a window for reboots that is none', changed({ reboot: { allow: 'window', window: 'x' } }), 'reboot.window'],
  [
    'reboots in a window that is not said',
    changed({ reboot: { allow: 'window' } }),
    'reboot.allow',
    'needs reboot.window',
  ],
  ['a number for a duration', changed({ drain: { deadline: 90 } }), 'drain.deadline', 'at least a second'],
  [
    'a deadline beyond progress',
    changed({ activate: { deadline: '2h' } }),
    'activate.deadline',
    'below progressDeadline',
  ],
  [
    'a host that goes back while it is judged',
    changed({ confirm: { timeout: '10m' } }),
    'confirm.timeout',
    'longer than health.settle, twice health.deadline',
  ],
  [
    'health that cannot be reached',
    changed({ health: { minHealthy: '5m' } }),
    'health.minHealthy',
    'below health.deadline',
  ],
  [
    'a query without a Prometheus',
    { hosts, rebuilds: { policies: { p: policy } } },
    'gates.before.0',
    'needs rebuilds.prometheus',
  ],
  [
    'a query of health without a Prometheus',
    {
      hosts,
      rebuilds: { policies: { p: { source, stages: policy.stages, health: { probes: { q: { promql: 'up' } } } } } },
    },
    'health.probes.q',
    'needs rebuilds.prometheus',
  ],
]

for (const [name, config, ...says] of refusals) {
  t.test(`refuses ${name}`, async (t) => {
    try {
      decodeCoordinatorConfig('test', config)
      t.fail('not refused')
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      t.equal(cause.code, 'bad-config')
      for (const text of says) t.match(cause.message, text)
    }
  })
}
