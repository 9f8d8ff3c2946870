import t from 'tap'
import { statusLines } from '../../../ctl/render/status.ts'
import { type Style, widthOf, plain as withoutColour } from '../../../ctl/render/style.ts'
import type { FleetStatus, HostStatus } from '../../../protocol/api.ts'
import { fleetOf, holdStatus, hostStatus, instance, nowMs, seatStatus } from '../../fakes/fleet-status.ts'
import { matchGolden } from '../golden.ts'

const anna = '3f2a90c1aaaaaaaaaaaaaaaaaaaaaaaa'
const gate = `postgresql/${instance}/4711`

function troubled(): FleetStatus {
  const hold = holdStatus(anna, { selector: '@web', hosts: ['web1', 'web2'] })
  const held = { want: 'drained' as const, holds: [hold] }
  return fleetOf({
    hosts: [
      hostStatus('web1', { targets: [seatStatus({ ...held, is: 'drained' })] }),
      hostStatus('web2', {
        targets: [
          seatStatus({
            ...held,
            is: 'draining',
            dependents: [
              { unit: 'app.service', active: 'deactivating', guarded: true, processes: 3 },
              { unit: 'cron.service', active: 'inactive', guarded: true, processes: 0 },
              { unit: 'old.service', active: 'inactive', guarded: false, processes: 2 },
            ],
          }),
        ],
      }),
      hostStatus('web7', { connected: false, sinceMs: 190_000, reason: 'connect ECONNREFUSED 198.18.0.17:9876' }),
    ],
    holds: [hold, holdStatus(gate, { owner: 'gate:postgresql', message: '', sinceMs: nowMs - 4_000, hosts: [] })],
    resources: [
      { name: 'postgresql', ready: false, reason: 'the database system is starting up', sinceMs: 4_000, gate: 'down' },
      { name: 'redis', ready: true, reason: '', sinceMs: 900_000, gate: 'none' },
    ],
  })
}

function hundred(): FleetStatus {
  const hosts = Array.from({ length: 100 }, (_, at): HostStatus => {
    const name = at < 60 ? `web${at + 1}` : at < 95 ? `app-frankfurt-${at - 59}` : `db${at - 94}`
    if (at === 7) return hostStatus(name, { connected: false, sinceMs: 65_000, reason: 'no answer for 12s' })
    if (at === 40) return hostStatus(name, { targets: [seatStatus({ is: 'released', waitingFor: 'redis: LOADING' })] })
    if (at === 41) return hostStatus(name, { targets: [seatStatus({ is: 'drifted', breaches: 2 })] })
    if (at >= 95)
      return hostStatus(name, { protocol: 'v1', targets: [seatStatus({ want: 'drained', is: 'acknowledged' })] })
    if (at >= 50) return hostStatus(name, { targets: [seatStatus({ want: 'drained', is: 'drained' })] })
    return hostStatus(name)
  })
  return fleetOf({ hosts, holds: [holdStatus(anna, { hosts: hosts.slice(50).map(({ name }) => name) })] })
}

function twoTargets(): FleetStatus {
  const storage = seatStatus({ target: 'io-storage', is: 'undecided', waitingFor: 'the coordinator' })
  return fleetOf({
    superseded: { host: 'web2', seen: { epoch: 9, instance, revision: 77 } },
    awaiting: ['web1', 'web3'],
    hosts: [
      hostStatus('web1', { targets: [seatStatus(), storage] }),
      hostStatus('web2', { targets: [seatStatus({ is: null })] }),
    ],
    holds: [holdStatus(anna, { orphan: true, persisted: false, except: ['web9'], remainingMs: 5_400_000 })],
  })
}

const fleets: readonly (readonly [name: string, fleet: FleetStatus])[] = [
  ['one-host', fleetOf({ hosts: [hostStatus('web1')] })],
  ['no-host', fleetOf({ hosts: [], resources: [] })],
  ['three-hosts', troubled()],
  ['hundred-hosts', hundred()],
  ['two-targets-superseded', twoTargets()],
]

for (const [name, fleet] of fleets) {
  for (const columns of [80, 120]) {
    t.test(`${name} on ${columns} columns`, async (t) => {
      const style: Style = { columns, color: false, unicode: true }
      const lines = statusLines(style, fleet)
      await matchGolden(t, `status-${name}-${columns}`, lines)
      t.ok(
        lines.every((line) => widthOf(line) <= columns),
        'no line is wider than the terminal',
      )
    })
  }
}

t.test('a hundred hosts fit on a terminal of 50 rows', async (t) => {
  t.ok(statusLines({ columns: 80, color: false, unicode: true }, hundred()).length <= 50)
})

t.test('colour changes nothing but colour', async (t) => {
  const plain = statusLines({ columns: 80, color: false, unicode: true }, troubled())
  const painted = statusLines({ columns: 80, color: true, unicode: true }, troubled())
  t.match(painted.join('\n'), '\u001b[31m')
  t.strictSame(painted.map(withoutColour), plain)
})
