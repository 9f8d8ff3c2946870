import type { Test } from 'tap'
import { type Fleet, untilOpen } from './fleet.ts'
import { broken } from './promises.ts'
import { until } from './until.ts'

/** Plays a scenario on a fleet that is whole and open, holds the promises against it, and makes the fleet whole again. */
export async function scenario(
  t: Test,
  fleet: Fleet,
  name: string,
  play: (t: Test, sinceUs: number) => Promise<void>,
): Promise<void> {
  await t.test(name, async (t) => {
    const since = Date.now() * 1_000
    let played = false
    try {
      await play(t, since)
      t.strictSame(await broken(fleet, since), [], 'every promise was kept')
      played = t.passing()
    } finally {
      if (!played || process.env.STORY === '1') for (const line of await story(fleet, since)) t.comment(line)
      await restore(fleet)
    }
  })
}

/** Every host on, every link whole, the databases up, no hold, and every host open. */
export async function restore(fleet: Fleet): Promise<void> {
  const { io, members, lab } = fleet
  await lab.network.heal()
  const hosts = new Set([io, ...members.map(({ host }) => host)])
  await Promise.all([...hosts].filter((host) => !host.isOn()).map((host) => host.boot()))
  await io.systemctl('start', 'postgresql.service', fleet.postgres, 'redis-server.service')
  await io.systemctl('start', 'io-guardian-coordinator.service', 'io-database-coordinator.service')
  await Promise.all(members.map(({ host }) => host.systemctl('start', 'io-guardian.service')))
  await until('no hold is left, and every host says that it is open', async () => {
    const status = await fleet.status().catch(() => null)
    if (status === null) return false
    for (const { id, owner } of status.holds) {
      if (!owner.startsWith('gate:')) await fleet.ctl('undrain', '--hold', id)
    }
    return (
      status.holds.length === 0 &&
      status.hosts.every(({ connected, targets }) => connected && targets[0]?.is === 'open')
    )
  })
  await untilOpen(...members)
}

/** What happened, for a person who wonders why a scenario failed. */
async function story(fleet: Fleet, sinceUs: number): Promise<readonly string[]> {
  const hosts = new Set([fleet.io, ...fleet.members.map(({ host }) => host)])
  const journals = await Promise.all([...hosts].map((host) => host.journal(sinceUs)))
  const units = new Set(fleet.members.flatMap((member) => member.units))
  const lines = journals
    .flat()
    .filter(
      ({ by, unit }) =>
        by === 'guardian' ||
        by.startsWith('postgres') ||
        units.has(unit) ||
        /guardian|wait-for|postgres|redis/.test(unit),
    )
    .sort((a, b) => a.at - b.at)
  return lines
    .slice(0, 400)
    .map(({ at, host, by, text }) => `${((at - sinceUs) / 1e6).toFixed(3)} ${host} ${by}: ${text.slice(0, 220)}`)
}
