import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../sim/random.ts'
import { type Fleet, startFleet, untilDrained, untilOpen } from './fleet.ts'
import { noLab } from './lab.ts'
import { scenario } from './scenario.ts'
import { restless } from './units.ts'
import { until } from './until.ts'

const kills = 50
const killsPerOrder = 2
const seed = Number(process.env.GUARDIAN_SEED ?? randomInt(1_000_000))

t.setTimeout(1_200_000)
t.test('agents and coordinator are killed at random', { skip: noLab }, async (t) => {
  await using fleet = await startFleet({ suite: 'bookworm' })
  const random = new Random(seed)
  t.comment(`GUARDIAN_SEED=${seed}`)

  await scenario(t, fleet, `${kills} times during drains and undrains, seed ${seed}`, async (t) => {
    const names = fleet.members.map(({ host }) => host.name)
    for (let killed = 0; killed < kills; killed += 2 * killsPerOrder) {
      await withKills(fleet, random, () => ordered(fleet, 'drain', '--yes'))
      await untilDrained(fleet, ...names)
      for (const member of fleet.members) t.strictSame(await restless(member), [], member.host.name)
      await withKills(fleet, random, () => ordered(fleet, 'undrain'))
      await untilOpen(...fleet.members)
    }
  })
})

/** Whoever finds no coordinator asks again. Whoever is told that a host is away has ordered all the same. */
async function ordered(fleet: Fleet, ...args: readonly string[]): Promise<void> {
  await until(`the outcome of ctl ${args.join(' ')} is known`, async () => (await fleet.ctl(...args)).code !== 9)
}

/** Gives an order and kills somebody at random moments, until both have come to their end. */
async function withKills(fleet: Fleet, random: Random, order: () => Promise<void>): Promise<void> {
  const daemons = [
    { host: fleet.io, unit: 'io-guardian-coordinator.service' },
    ...fleet.members.map(({ host }) => ({ host, unit: 'io-guardian.service' })),
  ]
  const killing = async () => {
    for (let count = 0; count < killsPerOrder; count += 1) {
      // The moment is what is tried.
      await pause(random.between(0, 1_500))
      const { host, unit } = random.pick(daemons)
      await host.tried('systemctl', 'kill', '--signal=KILL', unit)
    }
  }
  await Promise.all([order(), killing()])
}
