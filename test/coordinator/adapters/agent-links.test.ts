import t, { type Test } from 'tap'
import { type AgentLinks, type LinkPlan, openAgentLinks } from '../../../coordinator/adapters/agent-links.ts'
import type { HostDial } from '../../../coordinator/config.ts'
import { randomId } from '../../../daemon/clock.ts'
import { generateKey, Key } from '../../../protocol/keys.ts'
import { type FakeAgents, fakeAddress, openFakeAgents } from '../../fakes/v2-agent.ts'
import { type LinkEvents, recordLinks } from './link-events.ts'

const fleetKey = new Key(generateKey())
const claim = { epoch: 3, instance: randomId(), revision: 5 }

t.test('a link comes up, carries orders and answers, and measures', async (t) => {
  const { links, events, agents } = await fleet(t, ['web1'])
  const up = await events.next('link-up')
  t.equal(up.hello.host, 'web1')
  t.equal((await events.next('told')).message.type, 'report', 'what came with the hello is not lost')
  links.send('web1', up.link, drainOf('h1'))
  const told = await events.next('told')
  t.match(told.message, { type: 'response', outcome: 'ok', report: { is: 'drained' } })
  links.send('web1', 'another link', drainOf('h2'))
  t.ok((await links.measure('web1', 1_000)) ?? -1 >= 0)
  t.equal((await events.next('round-trip')).link, up.link)
  t.strictSame(
    agents
      .agent('web1')
      .holdsOf('io-databases')
      .map(({ id }) => id),
    ['h1'],
    'what is sent to a link that is gone is dropped',
  )
  t.equal(await links.measure('nobody', 1_000), null)
})

t.test('a link that ends is told and dialled again', async (t) => {
  const { events, agents } = await fleet(t, ['web1'])
  const first = await events.next('link-up')
  agents.agent('web1').dropLinks()
  t.equal((await events.next('link-down')).link, first.link)
  t.not((await events.next('link-up')).link, first.link)
})

t.test('a host that is down is tried again, told once, and found when it is there', async (t) => {
  const port = await freePort()
  const { events } = await fleetAt(t, ['web1'], port)
  const down = await events.next('link-down')
  t.equal(down.link, null)
  t.match(down.reason, 'connection refused')
  await openAgents(t, ['web1'], { port })
  await events.next('link-up')
  t.equal(events.count('link-down'), 1)
})

t.test('a wrong key is told as such, and no order of ours is heard', async (t) => {
  const { events, agents } = await fleet(t, ['web1'], { keyOf: () => [new Key(generateKey())] })
  t.match((await events.next('link-down')).reason, 'does not accept our key')
  t.strictSame(agents.agent('web1').heard, [])
})

t.test('each key is tried in its order', async (t) => {
  const old = new Key(generateKey())
  const { events } = await fleet(t, ['web1'], {
    keyOf: (host) => [old.derive(host)],
    fleetKeys: [new Key(generateKey()), old],
  })
  await events.next('link-up')
  t.equal(events.count('link-down'), 0)
})

t.test('a peer that falls silent is let go, and an answering one is not', async (t) => {
  const { events, agents } = await fleet(t, ['web1', 'web2'], { heartbeat: { everyMs: 40, lostMs: 120 } })
  await events.next('link-up')
  await events.next('link-up')
  agents.agent('web1').silence()
  const down = await events.next('link-down')
  t.equal(down.host, 'web1')
  t.match(down.reason, 'silent for')
  t.equal(events.all.filter((event) => event.type === 'link-down' && event.host === 'web2').length, 0)
  agents.agent('web1').silence(false)
  t.equal((await events.next('link-up')).host, 'web1')
})

t.test('a peer that goes on talking and answers no ping is let go too', async (t) => {
  const { events, agents } = await fleet(t, ['web1'], { heartbeat: { everyMs: 40, lostMs: 120 } })
  await events.next('link-up')
  const talking = setInterval(() => agents.agent('web1').put('io-databases', 'open'), 20)
  t.teardown(() => clearInterval(talking))
  agents.agent('web1').deafen()
  t.match((await events.next('link-down')).reason, 'silent for')
})

t.test('pings carry the claim', async (t) => {
  const { events, agents } = await fleet(t, ['web1'], { heartbeat: { everyMs: 20, lostMs: 2_000 } })
  await events.next('round-trip')
  const ping = agents.agent('web1').heard.find(({ type }) => type === 'ping')
  t.match(ping, { type: 'ping', claim })
})

t.test('a later coordinator is told of, by the greeting and by a ping', async (t) => {
  const later = { epoch: 9, instance: randomId(), revision: 40 }
  await t.test('greeting', async (t) => {
    const { events } = await fleet(t, ['web1'], { seen: later })
    t.match((await events.next('told')).message, { type: 'error', code: 'superseded', seen: later })
    t.equal((await events.next('link-down')).link, null)
  })
  await t.test('ping', async (t) => {
    const { events, agents } = await fleet(t, ['web1'], { heartbeat: { everyMs: 20, lostMs: 2_000 } })
    const up = await events.next('link-up')
    agents.agent('web1').outrank(later)
    const told = await events.next('told', ({ message }) => message.type === 'error')
    t.match(told, { link: up.link, message: { code: 'superseded', seen: later } })
    await events.next('link-down')
  })
})

t.test('a new configuration leaves alone what did not change', async (t) => {
  const { links, events, agents, plan } = await fleet(t, ['web1', 'web2', 'web3'])
  const ups = [await events.next('link-up'), await events.next('link-up'), await events.next('link-up')]
  const kept = ups.find(({ host }) => host === 'web1')
  const dials = new Map([...plan.dials].filter(([host]) => host !== 'web3'))
  dials.set('web2', { ...dialOf('web2', agents.port), address: 'localhost' })
  links.configure({ ...plan, dials })
  t.match(await events.next('link-down'), { host: 'web3', reason: 'its configuration changed' }, 'gone with its orders')
  t.match(await events.next('link-down'), { host: 'web2', reason: 'its configuration changed' })
  t.equal((await events.next('link-up')).host, 'web2')
  t.ok((await links.measure('web1', 1_000)) ?? -1 >= 0)
  t.equal((await events.next('round-trip')).link, kept?.link, 'the same link as before')
  t.equal(await links.measure('web3', 1_000), null)
  await until(() => agents.agent('web3').links === 0)
})

t.test('a key that is removed ends the links that it proved, and no others', async (t) => {
  const [first, second] = [new Key(generateKey()), new Key(generateKey())]
  const keyOf = (host: string) => [(host === 'web1' ? first : second).derive(host)]
  const { links, events, plan } = await fleet(t, ['web1', 'web2'], { keyOf, fleetKeys: [first, second] })
  await events.next('link-up')
  await events.next('link-up')
  links.configure({ ...plan, keys: keysFrom([second]) })
  t.match(await events.next('link-down'), { host: 'web1', reason: 'its key was removed' })
  t.match(await events.next('link-down'), { host: 'web1', link: null })
  t.ok((await links.measure('web2', 1_000)) ?? -1 >= 0)
})

t.test('a hundred hosts at once', async (t) => {
  const hosts = Array.from({ length: 100 }, (_, at) => `web${at}`)
  const agents = await openAgents(t, hosts, { address: '0.0.0.0' })
  const dials = new Map(hosts.map((host, at) => [host, { ...dialOf(host, agents.port), address: fakeAddress(at) }]))
  const events = recordLinks()
  const links = openAgentLinks(optionsOf(planOf(dials), events))
  t.teardown(() => links.close())
  for (const _ of hosts) await events.next('link-up')
  t.equal(agents.accepted, 100)
})

interface FleetParts {
  readonly keyOf?: (host: string) => readonly Key[]
  readonly fleetKeys?: readonly Key[]
  readonly heartbeat?: LinkPlan['heartbeat']
  readonly seen?: typeof claim
}

async function fleet(t: Test, hosts: readonly string[], parts: FleetParts = {}) {
  const agents = await openAgents(t, hosts, parts)
  return { ...(await fleetAt(t, hosts, agents.port, parts)), agents }
}

async function fleetAt(t: Test, hosts: readonly string[], port: number, parts: FleetParts = {}) {
  const plan = planOf(new Map(hosts.map((host) => [host, dialOf(host, port)])), parts)
  const events = recordLinks()
  const links: AgentLinks = openAgentLinks(optionsOf(plan, events))
  t.teardown(() => links.close())
  return { links, events, plan }
}

async function openAgents(
  t: Test,
  hosts: readonly string[],
  parts: FleetParts & { readonly port?: number; readonly address?: string } = {},
): Promise<FakeAgents> {
  const { keyOf = (host: string) => [fleetKey.derive(host)], ...rest } = parts
  const agents = await openFakeAgents({ hosts, keyOf, ...rest })
  t.teardown(() => agents[Symbol.asyncDispose]())
  return agents
}

function dialOf(host: string, port: number): HostDial {
  return { host, address: '127.0.0.1', port, protocol: 'v2', keyName: host }
}

function keysFrom(keys: readonly Key[]): LinkPlan['keys'] {
  return { keysOf: ({ keyName }) => keys.map((key) => key.derive(keyName)), v1: null, tls: null }
}

function planOf(dials: ReadonlyMap<string, HostDial>, parts: FleetParts = {}): LinkPlan {
  const { fleetKeys = [fleetKey], heartbeat = { everyMs: 4_000, lostMs: 12_000 } } = parts
  return { dials, keys: keysFrom(fleetKeys), heartbeat, v1OrderMs: 5_000 }
}

function optionsOf(plan: LinkPlan, events: LinkEvents) {
  const onBug = (cause: unknown): void => void t.fail(String(cause))
  return { plan, claim: () => claim, build: 'test', emit: events.emit, onBug, chance: () => 0.1 }
}

function drainOf(id: string) {
  const hold = { id, owner: 'operator:ann', message: '', sinceMs: 1, selector: '*', except: [] } as const
  const authority = { kind: 'coordinator', claim } as const
  const order = { type: 'command', id: `c-${id}`, action: 'drain', target: 'io-databases', release: [] } as const
  return { ...order, authority, holds: [{ ...hold, except: [] }], release: [], limitMs: 5_000 }
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setImmediate(resolve))
}

async function freePort(): Promise<number> {
  const agents = await openFakeAgents({ hosts: [], keyOf: () => [] })
  await agents[Symbol.asyncDispose]()
  return agents.port
}
