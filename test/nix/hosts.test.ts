import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadAgentConfig } from '../../agent/config.ts'
import { loadCoordinatorConfig } from '../../coordinator/config.ts'
import { noEvaluation } from './nix.ts'
import { analyze, layOut, type Rendered, renderHosts, wordsOf } from './rendered.ts'

t.setTimeout(600_000)

const hosts = noEvaluation === false ? await renderHosts() : new Map<string, Rendered>()

/** One test of a host, skipped where nothing can be evaluated. */
function on(name: string, about: string, check: (t: Test, host: Rendered) => Promise<void>): void {
  t.test(`${name}: ${about}`, { skip: noEvaluation }, async (t) => {
    const host = hosts.get(name)
    if (host === undefined) throw new Error(`there is no host ${name}`)
    await check(t, host)
  })
}

const exposureMax = 1.5
/** Root's own, as in test/units. */
const rootMax = 6.5

for (const name of hosts.keys()) {
  on(name, 'nothing is wrong with it', async (t, { assertions, warnings }) => {
    t.strictSame({ assertions, warnings }, { assertions: [], warnings: [] })
  })

  on(name, 'systemd finds nothing to say about its units, nor about booting with them', async (t, host) => {
    const dir = t.testdir()
    await layOut(host, dir)
    const outcome = await analyze(dir, 'verify', '--man=no', 'multi-user.target', ...Object.keys(host.units))
    t.strictSame(outcome, { code: 0, stdout: '', stderr: '' })
  })

  on(name, `no service of guardian is exposed by more than ${exposureMax}`, async (t, host) => {
    const dir = t.testdir()
    await layOut(host, dir)
    for (const unit of Object.keys(host.units).filter((each) => /^(wait-for-)?io-.*\.service$/.test(each))) {
      const { stdout } = await analyze(dir, 'security', '--offline=true', '--no-pager', join(dir, unit))
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])
      t.ok(exposure <= (unit.startsWith('io-guardian-rebuild') ? rootMax : exposureMax), `${unit}: ${exposure}`)
    }
  })

  on(name, 'both daemons take the settings', async (t, { agent, coordinator }) => {
    const dir = t.testdir()
    await writeFile(join(dir, 'agent.json'), JSON.stringify(agent))
    await writeFile(join(dir, 'coordinator.json'), JSON.stringify(coordinator))
    if (agent !== null) await t.resolves(loadAgentConfig(join(dir, 'agent.json')))
    if (coordinator !== null) await t.resolves(loadCoordinatorConfig(join(dir, 'coordinator.json')))
  })
}

type Gate = readonly [resource: string, units: readonly string[], after: readonly string[]]
const postgresql: Gate = [
  'postgresql',
  ['postgresql.service'],
  ['postgresql.service', 'postgresql-setup.service'],
] as const
const gates: readonly (readonly [host: string, gates: readonly Gate[]])[] = [
  ['postgresql', [postgresql]],
  [
    'redis',
    [
      ['redis-cache', ['redis-cache.service'], ['redis-cache.service']],
      ['redis', ['redis.service'], ['redis.service']],
    ],
  ],
  [
    'both',
    [
      ['postgresql', ['postgresql.service'], [...postgresql[2], 'tailscaled.service']],
      ['redis-cache', ['redis-cache.service'], ['redis-cache.service', 'tailscaled.service']],
    ],
  ],
  ['neither', [['mariadb', ['mysql.service'], ['mysql.service']]]],
  ['fleet-io', [postgresql, ['redis', ['redis.service'], ['redis.service']]]],
  ['fleet-web1', []],
]
for (const [name, expected] of gates) {
  on(name, 'has a gate for each database that others depend on, and no other', async (t, { units }) => {
    const names = expected.map(([resource]) => `io-guardian-gate@${resource}.service`)
    t.strictSame(
      Object.keys(units).filter((unit) => unit.startsWith('io-guardian-gate@')),
      names,
    )
    t.strictSame(wordsOf(units['io-database-coordinator.service']?.text, 'Wants').toSorted(), names)
    for (const [resource, bound, after] of expected) {
      const gate = units[`io-guardian-gate@${resource}.service`]
      t.strictSame(wordsOf(gate?.text, 'BindsTo'), bound)
      t.strictSame(wordsOf(gate?.text, 'After'), after)
      t.strictSame(gate?.wantedBy, bound)
      t.match(gate?.text, /^X-RestartIfChanged=false$/m)
      t.match(gate?.text, /^X-StopOnRemoval=false$/m)
    }
  })
}

on('both', 'a gate outlasts its deadline', async (t, { units }) => {
  t.match(units['io-guardian-gate@postgresql.service']?.text, /^TimeoutStopSec=2min 30s$/m)
})

on('postgresql', 'is asked by a role of its own', async (t, { roles }) => {
  t.strictSame(roles, ['io-guardian-coordinator'])
})

on('postgresql', 'root hands the key over', async (t, { units, packaged }) => {
  const daemon = units['io-guardian-coordinator.service']?.text.match(/^LoadCredential=.*$/gm)
  t.strictSame(daemon, ['LoadCredential=', 'LoadCredential=psk:/run/secrets/guardian-fleet'])
  t.match(packaged['io-guardian-gate@.service'], ' /run/secrets/guardian-fleet %t/io-guardian-gate@%i/psk\n')
})

on('redis', 'a server without a port is asked on its socket, whose group the daemon is in', async (t, host) => {
  t.match(host.coordinator, {
    resources: {
      redis: { probe: { type: 'redis', host: '127.0.0.1', port: 6379 } },
      'redis-cache': { probe: { type: 'redis', host: '/run/redis-cache/redis.sock' } },
    },
  })
  t.match(host.units['io-guardian-coordinator.service']?.text, /^SupplementaryGroups=redis-cache$/m)
})

const both = ['io-databases', 'io-storage']
type Guarded = readonly [unit: string, targets: readonly string[], wantedBy: readonly string[]]
const guarded: readonly Guarded[] = [
  ['shop.service', both, both.map((name) => `${name}.target`)],
  ['job.service', ['io-databases'], []],
  ['job.timer', ['io-databases'], ['io-databases.target', 'timers.target']],
  ['often.timer', ['io-databases'], ['io-databases.target', 'timers.target']],
  ['chat.service', ['io-databases'], []],
  ['chat.socket', ['io-databases'], ['io-databases.target', 'sockets.target']],
  ['inbox.service', ['io-databases'], []],
  ['inbox.path', ['io-databases'], ['io-databases.target', 'paths.target']],
  ['packaged.service', ['io-databases'], ['io-databases.target']],
  ['queue@1.service', ['io-databases'], ['io-databases.target']],
  ['worker@1.service', ['io-databases'], ['io-databases.target', 'multi-user.target']],
]
for (const [unit, targets, wantedBy] of guarded) {
  on('dependents', `${unit} hangs on ${targets.join(' and ')}`, async (t, { units }) => {
    const { text, wantedBy: wants } = units[unit] ?? {}
    const names = targets.map((name) => `${name}.target`)
    t.strictSame(
      wordsOf(text, 'Requires').filter((name) => name.startsWith('io-')),
      names,
    )
    t.strictSame(
      wordsOf(text, 'After').filter((name) => name.startsWith('io-')),
      names,
    )
    t.strictSame(
      wordsOf(text, 'AssertPathExists'),
      targets.map((name) => `!/var/lib/io-guardian/drained/${name.replace('io-storage', 'storage')}`),
    )
    t.strictSame([...(wants ?? [])].sort(), wantedBy)
  })
}

on('original', 'the option of IO Guardian names dependents', async (t, { agent, units }) => {
  t.match(agent, { targets: { 'io-databases': { dependents: ['shop.service', 'worker.service'], needs: ['redis'] } } })
  for (const unit of ['shop.service', 'worker.service']) {
    t.strictSame(units[unit]?.wantedBy, ['io-databases.target'], unit)
  }
})

const fleetTargets = { 'io-databases': { needs: ['postgresql', 'redis'] }, storage: { needs: ['nfs'] } }

on('fleet-web1', 'knows what it needs and where that is', async (t, { agent, firewall }) => {
  t.match(agent, {
    host: 'web1',
    resources: {
      postgresql: { type: 'postgres', host: '198.18.0.1' },
      redis: { type: 'redis', host: '198.18.0.1' },
      nfs: { type: 'tcp', host: 'nas', port: 2049 },
    },
    targets: fleetTargets,
  })
  t.strictSame(firewall, { everywhere: [], interfaces: { tailscale0: [9876] } })
})

on('fleet-web2', 'has the targets that the list gives it, and listens where its address is', async (t, { agent }) => {
  t.match(agent, { listen: { address: '::', port: 9876 } })
  const { targets } = await decoded(t, agent)
  t.strictSame(
    targets.map(({ spec }) => spec.name),
    ['io-databases'],
  )
})

on('fleet-io', 'coordinates the hosts that have an agent, and asks its databases itself', async (t, host) => {
  t.strictSame(host.coordinator, {
    keys: 'derived',
    hosts: {
      web1: {
        address: '198.18.0.11',
        keyName: 'web1',
        port: 9876,
        tags: ['web'],
        targets: ['io-databases', 'storage'],
      },
      web2: { address: 'fd00::12', keyName: 'old-web2', port: 9876, tags: [], targets: ['io-databases'] },
    },
    resources: {
      mariadb: { gate: 'none', gateDeadline: '90s', probe: { type: 'tcp', host: '198.18.0.1', port: 3306 } },
      nfs: { gate: 'none', gateDeadline: '90s', probe: { type: 'tcp', host: 'nas', port: 2049 } },
      postgresql: {
        gate: 'local',
        gateDeadline: '90s',
        probe: { type: 'postgres', host: '/run/postgresql', port: 5432, user: 'io-guardian-coordinator' },
      },
      redis: { gate: 'local', gateDeadline: '90s', probe: { type: 'redis', host: '127.0.0.1', port: 6379 } },
    },
    targets: {
      'io-databases': { ...fleetTargets['io-databases'], waves: ['@web'], drainDeadline: '40s' },
      storage: fleetTargets.storage,
    },
    api: { listen: { address: '0.0.0.0', port: 9877 } },
  })
  t.strictSame(host.agent, null)
  t.strictSame(host.firewall, { everywhere: [], interfaces: { tailscale0: [9877] } })
})

on('fleet-monitor', 'scrapes the coordinator, which lists the agents', async (t, { scrapes, agent }) => {
  t.equal(agent, null)
  t.strictSame(scrapes, [
    { job_name: 'guardian-coordinator', targets: ['198.18.0.1:9877'], urls: [] },
    { job_name: 'guardian-agents', targets: [], urls: ['http://198.18.0.1:9877/sd'] },
  ])
})

on('dependents', 'the agent knows its targets and what hangs on them', async (t, { agent, units }) => {
  const { targets } = await decoded(t, agent)
  t.strictSame(
    targets.map(({ spec, dependents }) => [spec.name, spec.unit, spec.needs, spec.allowLeftovers, dependents]),
    [
      [
        'io-databases',
        'io-databases.target',
        ['postgresql'],
        ['chat.service'],
        [
          'chat.service',
          'inbox.service',
          'job.service',
          'packaged.service',
          'queue@1.service',
          'shop.service',
          'worker@1.service',
        ],
      ],
      ['storage', 'io-storage.target', ['nfs'], [], ['shop.service']],
    ],
  )
  t.match(units['shop.service']?.text, /^TimeoutStopSec=20s$/m)
})

on('dependents', 'the agent may start and stop its targets, is before them, and opens its port', async (t, host) => {
  t.ok(host.polkit)
  t.match(host.rules, '["io-databases.target","io-storage.target"]')
  t.strictSame(wordsOf(host.units['io-guardian.service']?.text, 'Before'), [
    'wait-for-io-databases.service',
    'io-databases.target',
    'wait-for-io-storage.service',
    'io-storage.target',
  ])
  t.strictSame(host.firewall, { everywhere: [9876], interfaces: {} })
})

on('dependents', 'another target has the units of io-databases with its own names', async (t, { packaged, units }) => {
  const target = packaged['io-storage.target']
  const wait = packaged['wait-for-io-storage.service']
  for (const text of [target, wait]) {
    t.notMatch(text, 'io-databases')
    t.match(text, /^AssertPathExists=!\/var\/lib\/io-guardian\/drained\/storage$/m)
  }
  t.match(target, /^Requires=wait-for-io-storage\.service$/m)
  t.match(wait, /^PartOf=io-storage\.target$/m)
  t.match(wait, / --target storage$/m)
  t.strictSame(units['io-storage.target']?.wantedBy, ['multi-user.target'])
  t.match(units['wait-for-io-storage.service']?.text, /^TimeoutStartSec=10min 1min$/m)
})

async function decoded(t: Test, settings: object | null) {
  const file = join(t.testdir(), 'agent.json')
  await writeFile(file, JSON.stringify(settings))
  return await loadAgentConfig(file)
}
