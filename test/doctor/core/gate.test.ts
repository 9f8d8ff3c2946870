import t from 'tap'
import { type GateFacts, gateFindings, gateUnitOf } from '../../../doctor/core/gate.ts'
import type { UnitFacts } from '../../../doctor/core/unit.ts'
import { agentService, database, gate, gateUnit, service, unit } from './shapes.ts'

const withGate = (more: Partial<UnitFacts>) => ({ gate: { ...gateUnit, ...more } })
const withService = (more: Parameters<typeof service>[0]) =>
  withGate({ service: service({ type: 'oneshot', ...more }) })
const umbrella = { ...database, service: service({ type: 'oneshot' }) }
const file = (is: GateFacts['file']['is']) => ({ file: { path: '/run/io-guardian-gate/postgresql', is } })
const down = ['guardian', 'gate', 'down', 'postgresql']

const rows: readonly [name: string, facts: Partial<GateFacts>, found: readonly string[], says?: RegExp][] = [
  ['nothing is wrong', {}, []],
  ['no gate', withGate({ load: 'not-found' }), ['gate-missing'], /systemd has no io-guardian-gate@postgresql\.service/],
  ['bound to nothing', { bound: [] }, ['gate-unbound'], /is bound to no unit, so a stop of postgresql drains nobody/],
  [
    'bound to what is not there',
    { bound: [{ ...database, load: 'not-found' }] },
    ['gate-unbound'],
    /which systemd does not have/,
  ],
  ['bound to an umbrella', { bound: [umbrella] }, ['gate-on-umbrella'], /postgresql\.service, which holds no data/],
  ['to an umbrella and what holds the data', { bound: [umbrella, { ...database, unit: 'postgresql.service' }] }, []],
  ['to what is no service', { bound: [unit('postgresql.service', { wants: [gateUnit.unit], service: null })] }, []],
  [
    'not ordered after it',
    withGate({ after: [agentService.unit] }),
    ['gate-half-bound'],
    /lacks After=postgresql\.service/,
  ],
  [
    'not started by it',
    { bound: [{ ...database, wants: [] }] },
    ['gate-half-bound'],
    /lacks WantedBy=postgresql\.service/,
  ],
  [
    'neither',
    { ...withGate({ after: [agentService.unit] }), bound: [{ ...database, wants: [] }] },
    ['gate-half-bound'],
    /lacks After=postgresql\.service and WantedBy=postgresql\.service/,
  ],
  ['required by it', { bound: [{ ...database, wants: [], requires: [gateUnit.unit] }] }, []],

  ['drains by ExecStop', withService({ stop: [down] }), ['gate-without-stop-post'], /drains by ExecStop=/],
  [
    'drains by nothing',
    withService({ stopPost: [['/bin/true']], stop: [['gate']] }),
    ['gate-without-stop-post'],
    /runs no "guardian gate down/,
  ],
  ['is no service', withGate({ service: null }), []],

  ['time below the deadline', withGate({ stopLimitMs: 89_999 }), ['gate-limit-short'], /drain may take 1min30s/],
  ['time of the deadline', withGate({ stopLimitMs: 90_000 }), []],
  ['time without end', withGate({ stopLimitMs: 'infinite' }), []],
  ['no time', withGate({ stopLimitMs: null }), []],

  [
    'before the agent',
    withGate({ after: [database.unit] }),
    ['gate-before-agent'],
    /not ordered after io-guardian\.service/,
  ],
  ['no agent here', { ...withGate({ after: [database.unit] }), agent: null }, []],
  [
    'no unit of the agent here',
    { ...withGate({ after: [database.unit] }), agent: { ...agentService, load: 'not-found' } },
    [],
  ],

  ['no file', file('missing'), ['gate-down'], /does not exist, and .* is active/],
  [
    'a file that says up, and the gate is not',
    withGate({ active: 'inactive' }),
    ['gate-down'],
    /says that it is up, and .* is inactive/,
  ],
  ['a file that may not be looked at', file('unseen'), []],
  [
    'nor is the gate up',
    { ...file('unseen'), ...withGate({ active: 'failed' }) },
    ['gate-down'],
    /may not be looked at, and .* is failed/,
  ],
  ['a file that says down', file('down'), ['gate-down'], /says that it is down/],
  ['a file that nobody can read', file('unreadable'), ['gate-down'], /cannot be read/],
  ['no file, and no database', { ...file('missing'), bound: [{ ...database, active: 'inactive' }] }, []],
  ['on its way up', { ...file('down'), ...withGate({ active: 'activating' }) }, []],
  ['on its way down', { ...file('down'), ...withGate({ active: 'deactivating' }) }, []],
]

for (const [name, facts, found, says] of rows) {
  t.test(name, async (t) => {
    const findings = gateFindings(gate(facts))
    t.strictSame(
      findings.map(({ rule }) => rule),
      found,
    )
    for (const { severity } of findings) t.equal(severity, 'error')
    if (says !== undefined) t.match(findings[0]?.found, says)
  })
}

const holders: readonly [name: string, facts: Partial<GateFacts>, units: string, wanted: RegExp][] = [
  [
    'the only cluster',
    { clusters: ['postgresql@15-main.service'] },
    'postgresql@15-main.service',
    /which holds the data/,
  ],
  [
    'each cluster',
    { clusters: ['postgresql@15-a.service', 'postgresql@16-b.service'] },
    'postgresql@15-a.service postgresql@16-b.service',
    /which hold the data/,
  ],
  ['no cluster here', {}, 'postgresql@V-C.service', /which holds/],
  [
    'by the umbrella that it is bound to',
    { resource: 'main', bound: [umbrella] },
    'postgresql@V-C.service',
    /which holds/,
  ],
  ['of another kind', { resource: 'redis', clusters: ['postgresql@15-main.service'] }, 'redis.service', /which holds/],
]
for (const [name, facts, units, wanted] of holders) {
  t.test(`names what holds the data: ${name}`, async (t) => {
    const [finding] = gateFindings(gate({ bound: [], ...facts }))
    t.strictSame(finding?.write?.lines.slice(1), ['[Unit]', `BindsTo=${units}`, `After=${units}`])
    t.match(finding?.wanted, wanted)
    t.equal(finding?.run.at(-1), 'systemctl start io-guardian-gate@postgresql.service')
  })
}

t.test('a gate is an instance of its resource', async (t) => {
  t.equal(gateUnitOf('redis'), 'io-guardian-gate@redis.service')
})

t.test('an ExecStop that drains is taken away, a gate that is up is started anew', async (t) => {
  const [stop] = gateFindings(gate(withService({ stop: [down] })))
  t.strictSame(stop?.write?.lines.slice(1), ['[Service]', 'ExecStop=', 'ExecStopPost=guardian gate down postgresql'])
  const [none] = gateFindings(gate(withService({})))
  t.strictSame(none?.write?.lines.slice(1), ['[Service]', 'ExecStopPost=guardian gate down postgresql'])
  t.match(gateFindings(gate(file('missing')))[0]?.run, [/^systemctl restart /])
  t.match(gateFindings(gate({ ...file('missing'), ...withGate({ active: 'failed' }) }))[0]?.run, [/^systemctl start /])
  const [limit] = gateFindings(gate(withGate({ stopLimitMs: 1 })))
  t.strictSame(limit?.write?.lines.slice(1), ['[Service]', 'TimeoutStopSec=120s'])
})
