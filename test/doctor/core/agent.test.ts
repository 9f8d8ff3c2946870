import t from 'tap'
import { type AgentFacts, agentFindings, type DoorFacts } from '../../../doctor/core/agent.ts'
import type { Finding } from '../../../doctor/core/finding.ts'
import type { MarkerFacts } from '../../../doctor/core/marker.ts'
import type { RightsFacts } from '../../../doctor/core/rights.ts'
import type { Hold } from '../../../protocol/hold.ts'
import { agent, agentService, daemon, marker, secret, target, top, unitsOf } from './shapes.ts'

const door = (is: DoorFacts['is']): DoorFacts => ({ address: '127.0.0.1', port: 9876, is })
const rights = (answer: RightsFacts['answer']) => ({ rights: { user: 'io-guardian', units: [top], answer } })
const stopped = daemon({ unit: { ...agentService, active: 'failed' } })
const stateDir = (more: Partial<AgentFacts['stateDir']>) => ({ stateDir: { ...agent().stateDir, ...more } })

const dayMs = 86_400_000
const nowMs = 100 * dayMs
const hold: Hold = {
  id: 'a1',
  owner: 'operator:anna',
  message: 'new disk',
  sinceMs: nowMs - dayMs,
  selector: '*',
  except: [],
}
const marked = (content: MarkerFacts['content']) => ({
  markers: [{ host: 'web1', target: 'io-databases', path: marker, content, nowMs }],
})
const held = (...holds: readonly Hold[]) => marked({ is: 'holds', holds, writtenMs: nowMs })
const released = (writtenMs: number) => marked({ is: 'holds', holds: [], writtenMs })

const rows: readonly [name: string, facts: Partial<AgentFacts>, found: readonly string[], says?: RegExp][] = [
  ['nothing is wrong', {}, []],
  ['started by flags', { file: null }, []],
  [
    'its file is for others',
    { file: { path: '/x', readable: false } },
    ['error config-unreadable'],
    /\/x may not be read/,
  ],
  ['nobody can tell', { file: { path: '/x', readable: null } }, []],

  ['no word of a key', { secrets: null }, ['error secret-missing'], /nothing says where the key is/],
  ['certificates alone', { secrets: [] }, []],
  ['no key', { secrets: [secret({ is: 'missing' })] }, ['error secret-missing'], /the key .*psk does not exist/],
  ['a directory', { secrets: [secret({ is: 'no-file' })] }, ['error secret-missing'], /is not a file/],
  [
    'a key for others',
    { secrets: [secret({ readable: false })] },
    ['error secret-unreadable'],
    /not be read by io-guardian/,
  ],
  ['a key that cannot be looked at', { secrets: [secret({ is: 'unreadable', readable: null })] }, []],
  ['a key for everybody', { secrets: [secret({ mode: 0o100644 })] }, ['error secret-open'], /mode 0644/],
  ['a key for its group', { secrets: [secret({ mode: 0o100640 })] }, ['error secret-open']],
  ['a token for its group', { secrets: [secret({ mode: 0o100640, forbidden: 0o007 })] }, []],
  ['a token for everybody', { secrets: [secret({ mode: 0o100644, forbidden: 0o007 })] }, ['error secret-open']],
  ['a short key', { secrets: [secret({ fault: 'line 1 is short' })] }, ['error secret-unfit'], /line 1 is short/],
  [
    'everything at once',
    { secrets: [secret({ fault: 'short', mode: 0o666, readable: false })] },
    ['error secret-open', 'error secret-unreadable', 'error secret-unfit'],
  ],

  ['systemd was not asked', { daemon: daemon({ unit: null }), targets: null }, []],
  ['no unit', { daemon: daemon({ unit: { ...agentService, load: 'not-found' } }) }, ['error daemon-unit-missing']],
  [
    'masked',
    { daemon: daemon({ unit: { ...agentService, load: 'masked' } }) },
    ['error daemon-unit-missing'],
    /it is masked/,
  ],
  ['failed', { daemon: stopped }, ['error daemon-not-running'], /io-guardian\.service is failed/],
  ['not enabled', { daemon: daemon({ unit: { ...agentService, wantedBy: [] } }) }, ['error daemon-not-enabled']],
  [
    'required by something',
    { daemon: daemon({ unit: { ...agentService, wantedBy: [], requiredBy: ['x.target'] } }) },
    [],
  ],
  ['changed on disk', { daemon: daemon({ unit: { ...agentService, isStale: true } }) }, ['warning unit-stale']],
  [
    'an older build',
    { daemon: daemon({ build: 'guardian 0' }) },
    ['warning build-apart'],
    /is guardian 0, this program is guardian 1/,
  ],
  [
    'an older build without a unit',
    { daemon: daemon({ build: 'guardian 0', unit: null }), targets: null },
    ['warning build-apart'],
  ],
  ['not heard', { daemon: daemon({ build: null }) }, []],

  [
    'not ready',
    { door: door({ is: 'not-ready', lines: ['no bus', 'no unit'] }) },
    ['error agent-not-ready', 'error agent-not-ready'],
    /no bus/,
  ],
  ['somebody else', { door: door({ is: 'stranger' }) }, ['error port-taken'], /127\.0\.0\.1 port 9876 is no agent/],
  [
    'port closed',
    { door: door({ is: 'closed', reason: 'connection refused' }) },
    ['error port-closed'],
    /: connection refused/,
  ],
  [
    'closed, as it is down',
    { door: door({ is: 'closed', reason: '' }), daemon: stopped },
    ['error daemon-not-running'],
  ],
  [
    'closed, and systemd was not asked',
    { door: door({ is: 'closed', reason: '' }), daemon: daemon({ unit: null }), targets: null },
    ['error port-closed'],
  ],

  ['root, or a manager of its own', rights({ is: 'not-needed' }), []],
  ['asked by others than root', rights({ is: 'not-root' }), []],
  ['no polkit', rights({ is: 'no-polkit' }), ['error no-polkit']],
  [
    'polkit not asked',
    rights({ is: 'unknown', reason: 'no answer' }),
    ['warning rights-unknown'],
    /could not be asked: no answer/,
  ],
  [
    'a right missing',
    rights({
      is: 'asked',
      refused: [
        { verb: 'stop', unit: top },
        { verb: 'reset-failed', unit: top },
      ],
    }),
    ['error right-missing'],
    /does not let io-guardian stop io-databases\.target and reset-failed io-databases\.target/,
  ],

  ['no state directory', stateDir({ isThere: false, writable: null, isMade: false }), ['error state-dir-missing']],
  ['none, though systemd made one', stateDir({ isThere: false, writable: null }), ['error state-dir-missing']],
  [
    'none yet: systemd makes it at the start',
    { ...stateDir({ isThere: false, writable: null }), daemon: stopped },
    ['error daemon-not-running'],
  ],
  ['one that cannot be written', stateDir({ writable: false }), ['error state-dir-unwritable']],
  ['one of which nobody knows', stateDir({ writable: null }), []],

  ['a target', { targets: [target({ units: unitsOf() })] }, ['error target-missing']],

  [
    'PostgreSQL asked without a role',
    { probes: { source: '/x.json', anonymous: ['a', 'b'] } },
    ['hint probe-without-user'],
    /^\/x\.json: a and b are asked without a "user"/,
  ],

  ['no marker', marked(null), []],
  ['a day of drain', held(hold), ['warning hold-old'], /drained for 24h by operator:anna \(new disk\)/],
  ['a day less a moment', held({ ...hold, sinceMs: hold.sinceMs + 1 }), []],
  [
    'two of three are old',
    held(hold, { ...hold, message: '' }, { ...hold, sinceMs: nowMs }),
    ['warning hold-old', 'warning hold-old'],
  ],
  [
    'a marker that nobody can read',
    marked({ is: 'unreadable', reason: 'damaged' }),
    ['error marker-unreadable'],
    /\(damaged\)/,
  ],
  ['released for a day', released(nowMs - dayMs), ['warning release-waits'], /released 24h ago/],
  ['released just now', released(nowMs - dayMs + 1), []],
]

const ruleOf = ({ severity, rule }: Finding): string => `${severity} ${rule}`

for (const [name, facts, found, says] of rows) {
  t.test(name, async (t) => {
    const findings = agentFindings(agent(facts))
    t.strictSame(findings.map(ruleOf), found)
    if (says !== undefined) t.match(findings[0]?.found, says)
  })
}

t.test('others are kept from a secret by what its kind allows', async (t) => {
  const run = (forbidden: number) => agentFindings(agent({ secrets: [secret({ mode: 0o777, forbidden })] }))[0]?.run[0]
  t.equal(run(0o077), 'chmod go= /etc/guardian/psk')
  t.equal(run(0o007), 'chmod o= /etc/guardian/psk')
})

t.test('a manager of a user is spoken to as one', async (t) => {
  const [finding] = agentFindings(agent({ daemon: { ...stopped, unitDir: '/etc/systemd/user' } }))
  t.strictSame(finding?.run, [
    'systemctl --user start io-guardian.service',
    'journalctl --user -u io-guardian.service -n 50',
  ])
})

t.test('a masked unit is unmasked, a missing one installed', async (t) => {
  const run = (load: string) => agentFindings(agent({ daemon: daemon({ unit: { ...agentService, load } }) }))[0]?.run
  t.strictSame(run('masked'), ['systemctl unmask io-guardian.service'])
  t.strictSame(run('not-found'), ['guardian install agent'])
})
