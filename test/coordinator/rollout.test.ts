import t from 'tap'
import * as v from 'valibot'
import { fleetStatus } from '../../protocol/api.ts'
import { type RolloutEvent, rolloutEvent, rolloutLogLine } from '../../protocol/rollout/api.ts'
import { firstSystem } from '../fakes/v2-agent-jobs.ts'
import { until } from '../hosts/until.ts'
import { aRolloutFleet, type RolloutFleet } from './rollout-fleet.ts'

const system = `/nix/store/${'1'.repeat(32)}-nixos-system-second`
const hosts = Array.from({ length: 50 }, (_, at) => `web${at + 1}`)
const quick = { settle: '0s', minHealthy: '0s', deadline: '10s' }
const canary = { name: 'canary', select: 'web1', soak: '0s', promote: 'manual' }
const rest = { name: 'rest', select: '*', maxParallel: 5, soak: '0s' }
const policy = { source: { mode: 'closure' }, stages: [canary, rest], health: quick }
const budgets = { web: { select: '@web', maxUnavailable: 5 } }
const rebuilds = { budgets, policies: { default: policy } }

t.test('fifty hosts: the canary waits for a word, then waves of five, to the end', { timeout: 120_000 }, async (t) => {
  const fleet = await aRolloutFleet(t, { hosts, rebuilds, workMs: 10 })
  await fleet.start()
  await fleet.begin(system)
  const waiting = await fleet.until('the canary is done', ({ settled }) => settled)
  t.match(
    waiting,
    { is: 'running', exit: 6, stages: [{ is: 'waiting' }, { is: 'pending' }] },
    'rests until somebody says promote',
  )
  t.strictSame(systemsOf(fleet), { [system]: 1, [firstSystem]: 49 })
  await fleet.order({ verb: 'promote' })
  const end = await fleet.until('it has ended', ({ settled, is }) => settled && is !== 'running')
  t.match(end, { is: 'succeeded', exit: 0, budgets: [{ name: 'web', unavailable: [], max: 5 }] })
  t.ok(end.hosts.every(({ is }) => is === 'done'))
  t.strictSame(systemsOf(fleet), { [system]: 50 })
  t.ok(fleet.hosts.every((host) => fleet.agents.agent(host).jobs?.profile === system))
  await opened(fleet)
  const events = await eventsOf(fleet)
  t.ok(mostOut(events) <= 5, `at most ${mostOut(events)} held a slot at once`)
  t.strictSame(new Set(events.map(({ seq }) => seq)).size, events.length)
  const lines = await fleet.client.get('/v1/rollouts/r1/logs?host=web7', v.array(rolloutLogLine))
  t.strictSame(
    lines.map(({ stream, text }) => `${stream} ${text}`),
    ['switch stopping the following units: web.service', 'switch starting the following units: web.service'],
  )
})

t.test('a host that does not come up goes back, and no other begins', { timeout: 120_000 }, async (t) => {
  const few = hosts.slice(0, 6)
  const stages = [{ ...rest, maxParallel: 1 }]
  const fleet = await aRolloutFleet(t, { hosts: few, rebuilds: { policies: { default: { ...policy, stages } } } })
  fleet.agents.agent('web3').jobs?.behave('active', 'fail')
  await fleet.start()
  await fleet.begin(system)
  const end = await fleet.until('it has come to rest', ({ settled, is }) => settled && is === 'paused')
  t.match(end, { is: 'paused', exit: 4, reason: /web3: .*web\.service failed/ })
  t.strictSame(
    end.hosts.map(({ is }) => is),
    ['soaking', 'soaking', 'reverted', 'ready', 'ready', 'ready'],
  )
  t.equal(fleet.agents.agent('web3').jobs?.current, firstSystem)
  await opened(fleet)
  fleet.agents.agent('web3').jobs?.behave('active', 'well')
  await fleet.order({ verb: 'retry', host: 'web3' })
  await fleet.order({ verb: 'resume' })
  const after = await fleet.until('it has ended', ({ settled, is }) => settled && is !== 'paused')
  t.match(after, { is: 'succeeded', exit: 0 })
})

t.test('a coordinator that is killed again and again goes on where it was', { timeout: 120_000 }, async (t) => {
  const few = hosts.slice(0, 10)
  const stages = [{ ...rest, maxParallel: 2 }]
  const some = { budgets, policies: { default: { ...policy, stages } } }
  const fleet = await aRolloutFleet(t, { hosts: few, rebuilds: some, workMs: 60 })
  await fleet.start()
  await fleet.begin(system)
  for (const done of [1, 4, 7]) {
    await fleet.until(`${done} are through`, (status) => status.hosts.filter(({ is }) => isThrough(is)).length >= done)
    await fleet.kill()
    await fleet.start()
  }
  const end = await fleet.until('it has ended', ({ settled }) => settled)
  t.match(end, { is: 'succeeded', exit: 0 })
  t.strictSame(systemsOf(fleet), { [system]: 10 })
  const events = await eventsOf(fleet)
  t.ok(mostOut(events) <= 2)
  for (const host of few) {
    const activated = events.filter((event) => event.host === host && event.type === 'host.activating')
    t.equal(activated.length, 1, `${host} was switched once`)
  }
  await opened(fleet)
})

function isThrough(is: string): boolean {
  return is === 'soaking' || is === 'done'
}

function systemsOf({ agents }: RolloutFleet): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { jobs } of agents.agents.values()) {
    const current = jobs?.current ?? ''
    counts[current] = (counts[current] ?? 0) + 1
  }
  return counts
}

function eventsOf({ client }: RolloutFleet): Promise<RolloutEvent[]> {
  return client.get('/v1/rollouts/r1/events', v.array(rolloutEvent))
}

/** How many hosts held a slot at once, at most. */
function mostOut(events: readonly RolloutEvent[]): number {
  let [now, most] = [0, 0]
  for (const { type } of events) {
    if (type === 'slot.taken') now += 1
    if (type === 'slot.released') now -= 1
    most = Math.max(most, now)
  }
  return most
}

async function opened({ client }: RolloutFleet): Promise<void> {
  await until('every host is open', async () => {
    const { hosts, holds } = await client.get('/v1/status', fleetStatus)
    return holds.length === 0 && hosts.every(({ targets }) => targets[0]?.is === 'open')
  })
}
