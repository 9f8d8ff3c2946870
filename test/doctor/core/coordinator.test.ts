import t from 'tap'
import { type CoordinatorFacts, coordinatorFindings } from '../../../doctor/core/coordinator.ts'
import { fleetOf } from '../../fakes/fleet-status.ts'
import { coordinator, daemon, gate, secret, unit } from './shapes.ts'

const up = { is: 'answers', status: fleetOf({ build: 'guardian 1' }) } as const
const stopped = daemon({ what: 'coordinator', unit: unit('io-guardian-coordinator.service', { active: 'inactive' }) })
const socket = { path: '/run/api.sock', group: 'io-guardian-operators', mode: 0o140660, agentInGroup: null }
const host = {
  host: 'web1',
  address: '198.18.0.1',
  port: 9876,
  link: { is: 'up' },
  build: 'guardian 1',
  clock: null,
} as const

const rows: readonly [name: string, facts: Partial<CoordinatorFacts>, found: readonly string[], says?: RegExp][] = [
  ['nothing is wrong', { api: up, socket, hosts: [host] }, []],
  ['no word of a key', { api: up, secrets: null }, ['error secret-missing'], /nothing says where the fleet’s key is/],
  ['a short key', { api: up, secrets: [secret({ fault: 'short' })] }, ['error secret-unfit']],
  ['down', { daemon: stopped }, ['error daemon-not-running'], /coordinator\.service is inactive/],
  [
    'silent though it runs',
    { api: { is: 'silent', reason: 'nobody listens' } },
    ['error api-silent'],
    /: nobody listens/,
  ],
  ['silent, and systemd was not asked', { daemon: daemon({ what: 'coordinator', unit: null }) }, ['error api-silent']],
  ['may not be asked', { api: { is: 'forbidden', reason: 'permission denied' } }, ['warning api-forbidden']],
  [
    'superseded',
    { api: { is: 'answers', status: { ...up.status, superseded: { host: 'web1', seen: up.status.claim } } } },
    ['error superseded'],
  ],
  ['a socket for everybody', { api: up, socket: { ...socket, mode: 0o140666 } }, ['error socket-open'], /mode 0666/],
  [
    'a socket of another group',
    { api: up, socket: { ...socket, group: 'root' } },
    ['warning socket-group'],
    /belongs to the group root/,
  ],
  [
    'an agent in the group',
    { api: up, socket: { ...socket, agentInGroup: 'io-guardian' } },
    ['error agent-is-operator'],
  ],
  ['a gate', { api: up, gates: [gate({ bound: [] })] }, ['error gate-unbound']],
  [
    'a database without a gate',
    { api: up, ungated: ['redis'] },
    ['warning gate-none'],
    /^redis is probed on this host/,
  ],
  [
    'PostgreSQL asked without a role',
    { api: up, probes: { source: '/x.json', anonymous: ['db'] } },
    ['hint probe-without-user'],
    /db is asked without a "user"/,
  ],
  ['a wave', { api: up, waves: [{ target: 'x', selectors: ['@none'], hosts: [] }] }, ['warning wave-empty']],
  [
    'an agent of this program’s build, and an older coordinator',
    { api: { is: 'answers', status: fleetOf({ build: 'guardian 0' }) }, hosts: [host] },
    ['warning host-build-apart'],
  ],
  [
    'an agent of another build than this program, and no coordinator',
    { daemon: stopped, hosts: [{ ...host, build: 'guardian 0' }] },
    ['error daemon-not-running', 'warning host-build-apart'],
  ],
]

for (const [name, facts, found, says] of rows) {
  t.test(name, async (t) => {
    const findings = coordinatorFindings(coordinator(facts))
    t.strictSame(
      findings.map(({ severity, rule }) => `${severity} ${rule}`),
      found,
    )
    if (says !== undefined) t.match(findings[0]?.found, says)
  })
}
