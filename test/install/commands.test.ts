import t from 'tap'
import type { Change } from '../../install/change.ts'
import { commandsFor, type Next } from '../../install/commands.ts'
import { install, mustRun } from '../../install/install.ts'
import { asked, fakeWorld } from './machine.ts'

const write = (path: string): Change => ({ type: 'write', path, text: '' })
const unit = write('/etc/systemd/system/io-guardian-coordinator.service')
const agentUnit = write('/etc/systemd/system/io-guardian.service')
const dropIn = write('/etc/systemd/system/web.service.d/io-guardian.conf')
const example = write('/etc/guardian/agent.json.example')
const gate = { resource: 'redis', units: ['redis-server.service'], limitMs: 90_000 }
const gateUnit = 'io-guardian-gate@redis.service'
const coordinator = 'io-guardian-coordinator.service'
const byHand = 'io-database-coordinator.service'
const byHandAlone = `systemctl start --job-mode=ignore-dependencies ${byHand}`

interface Case extends Partial<Omit<Next, 'running'>> {
  readonly active?: readonly string[]
  readonly fresh?: true
  readonly systemd?: false
}

const cases: readonly [name: string, given: Case, commands: readonly string[]][] = [
  [
    'a first installation beside a running database raises its gate before the daemon looks',
    { fresh: true, changes: [unit], gates: [gate], active: ['redis-server.service'] },
    [
      'systemd-sysusers io-guardian-coordinator.conf',
      'systemd-tmpfiles --create io-guardian-coordinator.conf',
      'systemctl daemon-reload',
      `systemctl start ${gateUnit}`,
      `systemctl start ${coordinator}`,
      byHandAlone,
    ],
  ],
  [
    'the gate of a stopped database is left alone: it would start the database',
    { gates: [gate] },
    [`systemctl start ${coordinator}`, byHandAlone],
  ],
  [
    'a gate of two units waits for both',
    { gates: [{ ...gate, units: ['a.service', 'b.service'] }], active: ['a.service', coordinator, byHand] },
    [],
  ],
  ['what runs is left alone', { gates: [gate], active: ['redis-server.service', gateUnit, coordinator, byHand] }, []],
  [
    'a daemon whose unit has changed is restarted, which drains nothing',
    { changes: [unit], active: [coordinator, byHand] },
    ['systemctl daemon-reload', `systemctl restart ${coordinator}`],
  ],
  ['without a key nothing is started', { isReady: false, changes: [unit], gates: [gate] }, ['systemctl daemon-reload']],
  [
    'an agent has no gates',
    { role: 'agent', changes: [agentUnit] },
    ['systemctl daemon-reload', 'systemctl start io-guardian.service'],
  ],
  [
    'a new dependent restarts nothing',
    { role: 'agent', changes: [dropIn, example], active: ['io-guardian.service'] },
    ['systemctl daemon-reload'],
  ],
  ['nothing is run where systemd is not', { systemd: false, fresh: true, changes: [unit], gates: [gate] }, []],
]
for (const [name, { active = [], fresh, systemd = true, ...over }, commands] of cases) {
  t.test(name, async (t) => {
    const there = fresh !== true
    const running = { systemd, active: new Set(active), hasUsers: there, hasGateDir: there }
    const next = { role: 'coordinator', changes: [], isReady: true, gates: [], ...over, running } as const
    t.strictSame(
      commandsFor(next).map((command) => command.join(' ')),
      commands,
    )
  })
}

t.test('a command that fails ends it with what the command said', async (t) => {
  const world = fakeWorld({ systemd: true, run: async () => ({ code: 5, out: '', err: 'Access denied\n' }) })
  await t.rejects(mustRun(world, ['systemctl', 'daemon-reload']), {
    code: 'internal',
    message: '"systemctl daemon-reload" failed: Access denied',
  })
})

t.test('a dry run on this machine asks systemd and runs nothing', async (t) => {
  const world = fakeWorld({ systemd: true, isRoot: false }, { 'systemctl is-active': 'inactive\n'.repeat(8) })
  await install(asked('coordinator', '', { dryRun: true }), world)
  t.equal(world.ran.length, 1)
  t.match(world.ran[0], /^systemctl is-active /)
  t.match(world.said.join('\n'), 'would run systemctl daemon-reload')
})
