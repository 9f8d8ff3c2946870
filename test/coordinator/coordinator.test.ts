import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import * as v from 'valibot'
import { loadCoordinatorConfig } from '../../coordinator/config.ts'
import { openCoordinator } from '../../coordinator/coordinator.ts'
import { type ApiClient, createApiClient } from '../../daemon/api-client.ts'
import { randomId } from '../../daemon/clock.ts'
import {
  drainAnswer,
  type FleetStatus,
  fleetStatus,
  type ProgressAnswer,
  progressAnswer,
  undrainAnswer,
} from '../../protocol/api.ts'
import { generateKey, Key } from '../../protocol/keys.ts'
import { type FakeAgents, openFakeAgents } from '../fakes/v2-agent.ts'

const main = join(import.meta.dirname, '../../bin/guardian.ts')

t.test('a fleet drains, stays drained over a kill -9, and opens again', { timeout: 60_000 }, async (t) => {
  const fleet = await aFleet(t, ['web1', 'web2'])
  const first = await startProcess(t, fleet)
  await until(fleet.client, ({ hosts }) => hosts.every(({ targets }) => targets[0]?.is === 'open'))
  const hold = await drain(fleet.client)
  t.equal(hold.persisted, true)
  t.strictSame(await settled(fleet.client, `want=drained&hold=${hold.hold}`), ['done', 'done'])
  t.equal(fleet.agents.agent('web1').stateOf('io-databases'), 'drained')
  first.child.kill('SIGKILL')
  await first.exited
  const second = await startProcess(t, fleet)
  const status = await until(fleet.client, ({ hosts }) => hosts.every(({ connected }) => connected))
  t.equal(status.claim.epoch, 2)
  t.strictSame(
    status.holds.map(({ id }) => id),
    [hold.hold],
  )
  t.equal(fleet.agents.agent('web1').stateOf('io-databases'), 'drained', 'a restart drains and opens nothing')
  await fleet.client.post('/v1/undrain', { selector: '*' }, undrainAnswer)
  t.strictSame(await settled(fleet.client, 'want=open&selector=*'), ['done', 'done'])
  second.child.kill('SIGTERM')
  t.strictSame(await second.exited, [0, null])
})

t.test('a gate file that goes down drains, and up opens', async (t) => {
  const resources = { postgresql: { gate: 'local' } }
  const fleet = await aFleet(t, ['web1'], { resources })
  const gate = (state: 'up' | 'down', seq: number) => putGate(fleet, 'postgresql', { state, seq })
  gate('up', 1)
  await openInside(t, fleet)
  await until(fleet.client, ({ hosts }) => hosts[0]?.targets[0]?.is === 'open')
  gate('down', 2)
  const down = await until(fleet.client, ({ hosts }) => hosts[0]?.targets[0]?.is === 'drained')
  t.match(down.holds, [{ owner: 'gate:postgresql', id: `postgresql/${fleet.bootId}/2` }])
  gate('up', 3)
  const up = await until(fleet.client, ({ hosts }) => hosts[0]?.targets[0]?.is === 'open')
  t.strictSame(up.holds, [])
})

t.test('a new configuration: hosts come and go, links that stay are the same', async (t) => {
  const fleet = await aFleet(t, ['web1', 'web2', 'web3'])
  fleet.write(['web1', 'web2'])
  const running = await openInside(t, fleet)
  await until(fleet.client, ({ hosts }) => hosts.length === 2 && hosts.every(({ connected }) => connected))
  const { accepted } = fleet.agents
  fleet.write(['web1', 'web3'])
  await running.reload?.()
  const status = await until(fleet.client, ({ hosts }) => hosts.every(({ connected }) => connected))
  t.strictSame(
    status.hosts.map(({ name }) => name),
    ['web1', 'web3'],
  )
  t.equal(fleet.agents.accepted, accepted + 1, 'one link was dialled')
  writeFileSync(fleet.config, '{"hots":{}}')
  await t.rejects(running.reload?.() ?? Promise.resolve(), { code: 'bad-config', message: /did you mean "hosts"/ })
  t.equal((await fleet.client.get('/v1/status', fleetStatus)).hosts.length, 2, 'as it was before')
})

t.test('superseded, and taken over by command', { timeout: 60_000 }, async (t) => {
  const later = { epoch: 40, instance: randomId(), revision: 9 }
  const fleet = await aFleet(t, ['web1', 'web2'])
  const held = { id: 'f'.repeat(32), owner: 'operator:bob', message: 'disk', sinceMs: 5, selector: 'web1' } as const
  fleet.agents.agent('web1').put('io-databases', 'drained', [{ ...held, except: [] }])
  for (const agent of fleet.agents.agents.values()) agent.outrank(later)
  await openInside(t, fleet)
  const before = await until(fleet.client, ({ superseded }) => superseded !== null)
  t.strictSame(before.superseded?.seen, later)
  await t.rejects(drain(fleet.client), { code: 'superseded' })
  const unsure = await run(['coordinator', 'takeover', '--config', fleet.config])
  t.equal(unsure.code, 2)
  t.match(unsure.stderr, /epoch 40, revision 9; .* then say --yes/)
  const done = await run(['coordinator', 'takeover', '--config', fleet.config, '--yes'])
  t.equal(done.code, 0, done.stderr)
  t.match(done.stdout, 'Taken over: epoch 41.')
  const after = await until(fleet.client, ({ hosts }) => hosts.every(({ connected }) => connected))
  t.equal(after.superseded, null)
  t.match(after.holds, [{ id: held.id, orphan: true }], 'the hold that only a marker knew was adopted')
  t.equal(fleet.agents.agent('web1').stateOf('io-databases'), 'drained')
})

t.test(
  'a takeover asks for what no host carries, and waits for those that are away',
  { timeout: 60_000 },
  async (t) => {
    const later = { epoch: 40, instance: randomId(), revision: 9 }
    const fleet = await aFleet(t, ['web1', 'web2'])
    await openInside(t, fleet)
    await until(fleet.client, ({ hosts }) => hosts.every(({ connected }) => connected))
    const { hold } = await drain(fleet.client)
    await settled(fleet.client, `want=drained&hold=${hold}`)
    for (const agent of fleet.agents.agents.values()) agent.put('io-databases', 'undecided')
    for (const agent of fleet.agents.agents.values()) agent.outrank(later)
    fleet.agents.agent('web2').silence()
    for (const agent of fleet.agents.agents.values()) agent.dropLinks()
    await until(fleet.client, ({ superseded }) => superseded !== null)
    const takeover = ['coordinator', 'takeover', '--config', fleet.config, '--yes', '--json', '--wait', '0s']
    t.equal((await run(takeover)).code, 4)
    await until(fleet.client, ({ awaiting }) => awaiting.length === 1)
    const waiting = await run(takeover)
    t.equal(waiting.code, 4, 'one host has not reported')
    t.strictSame(JSON.parse(waiting.stdout).awaiting, ['web2'])
    t.strictSame(JSON.parse(waiting.stdout).kept, [hold], 'no host carried it any more')
    await until(fleet.client, ({ hosts }) => hosts[0]?.targets[0]?.is === 'drained')
    const unknown = await run([...takeover, '--drop', 'x'])
    t.equal(unknown.code, 2)
    t.match(unknown.stderr, 'x is not a hold that no marker carries')
    const excused = await run([...takeover, '--excuse', 'web2', '--drop', hold])
    t.equal(excused.code, 0, excused.stderr)
    t.strictSame(JSON.parse(excused.stdout).dropped, [hold])
    await until(fleet.client, ({ hosts }) => hosts[0]?.targets[0]?.is === 'open')
  },
)

t.test('a backup of a store in use', async (t) => {
  const fleet = await aFleet(t, ['web1'])
  await openInside(t, fleet)
  const file = join(fleet.dir, 'copy.sqlite')
  t.match(await run(['coordinator', 'backup', '--config', fleet.config, file]), { code: 0 })
  t.match(await run(['coordinator', 'backup', '--config', fleet.config, file]), { code: 2, stderr: /exists already/ })
  t.match(await run(['coordinator', 'backup', '--config', fleet.config]), { code: 2, stderr: /name the new file/ })
})

const starts: readonly [name: string, spoil: (fleet: Fleet) => void, code: number, ...says: RegExp[]][] = [
  ['no configuration', ({ config }) => rmSync(config), 2, /coordinator\.json: does not exist/],
  ['no key file', ({ dir }) => rmSync(join(dir, 'psk')), 2, /psk: does not exist: make one with "guardian keygen/],
  ['no file of a token', namesNoToken, 2, /coordinator\.json: api\.tokens\.0\.file: \/nowhere cannot be read/],
  ['a store that is no store', spoilStore, 3, /store\.sqlite is damaged: put back a copy/],
]
for (const [name, spoil, code, ...says] of starts) {
  t.test(`does not start: ${name}`, async (t) => {
    const fleet = await aFleet(t, ['web1'])
    spoil(fleet)
    const ended = await run(['coordinator', '--config', fleet.config])
    t.equal(ended.code, code)
    for (const text of says) t.match(ended.stderr, text)
  })
}

t.test('does not start beside another one', async (t) => {
  const fleet = await aFleet(t, ['web1'])
  await openInside(t, fleet)
  const second = await run(['coordinator', '--config', fleet.config])
  t.equal(second.code, 3)
  t.match(second.stderr, /in use by another coordinator/)
})

for (const argv of [[], ['takeover'], ['backup']]) {
  t.test(`help: ${argv.join(' ')}`, async (t) => {
    const { code, stdout, stderr } = await run(['coordinator', ...argv, '--help'])
    t.equal(code, 0, stderr)
    t.match(stdout, /^Usage: guardian coordinator/m)
  })
}

interface Fleet {
  readonly dir: string
  readonly config: string
  readonly bootId: string
  readonly client: ApiClient
  readonly agents: FakeAgents
  /** Writes the configuration anew, with these of its hosts. */
  write(hosts: readonly string[]): void
}

async function aFleet(t: Test, hosts: readonly string[], more: object = {}): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), 'guardian-fleet-'))
  const key = new Key(generateKey())
  const agents = await openFakeAgents({ hosts, keyOf: (host) => [key.derive(host)], address: '0.0.0.0' })
  t.teardown(async () => {
    await agents[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true })
  })
  const bootId = randomId()
  mkdirSync(join(dir, 'gate'))
  writeFileSync(join(dir, 'psk'), key.line(), { mode: 0o600 })
  writeFileSync(join(dir, 'boot-id'), bootId)
  const config = join(dir, 'coordinator.json')
  const write = (names: readonly string[]): void => {
    const entries = names.map((name) => [name, { address: `127.0.0.${hosts.indexOf(name) + 1}`, port: agents.port }])
    const paths = { stateDir: `${dir}/state`, runtimeDir: `${dir}/run`, gateDir: `${dir}/gate` }
    const rest = { bootIdFile: `${dir}/boot-id`, pskFile: `${dir}/psk`, log: { level: 'fatal' } }
    writeFileSync(config, JSON.stringify({ ...paths, ...rest, hosts: Object.fromEntries(entries), ...more }))
  }
  write(hosts)
  const client = createApiClient({ kind: 'socket', path: join(dir, 'run', 'api.sock') })
  return { dir, config, bootId, client, agents, write }
}

async function openInside(t: Test, fleet: Fleet) {
  const died = (cause: unknown): void => void t.fail(String(cause))
  const running = await openCoordinator(await loadCoordinatorConfig(fleet.config), died)
  t.teardown(() => running[Symbol.asyncDispose]())
  return running
}

async function startProcess(t: Test, fleet: Fleet) {
  const args = ['--import=tsx', main, 'coordinator', '--config', fleet.config]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  await until(fleet.client, () => true)
  return { child, exited }
}

/** The first status of which `is` says so; a coordinator that is not there yet is asked again. */
async function until(client: ApiClient, is: (status: FleetStatus) => boolean): Promise<FleetStatus> {
  for (;;) {
    const status = await client.get('/v1/status', fleetStatus).catch(() => null)
    if (status !== null && is(status)) return status
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function drain(client: ApiClient) {
  return client.post('/v1/drain', { operator: 'ann', id: randomId() }, drainAnswer)
}

async function settled(client: ApiClient, query: string): Promise<readonly string[]> {
  let last: ProgressAnswer | null = null
  for await (const { value } of client.follow(`/v1/progress?${query}`, progressAnswer)) last = value
  return last?.settled === true ? last.hosts.map(({ is }) => is) : []
}

function putGate({ dir, bootId }: Fleet, resource: string, gate: object): void {
  writeFileSync(join(dir, 'gate', `.${resource}`), JSON.stringify({ ...gate, bootId }))
  renameSync(join(dir, 'gate', `.${resource}`), join(dir, 'gate', resource))
}

function namesNoToken({ config }: Fleet): void {
  const file = v.parse(v.pipe(v.string(), v.parseJson(), v.looseObject({})), readFileSync(config, 'utf8'))
  const tokens = [{ name: 'prometheus', file: '/nowhere', may: 'read' }]
  writeFileSync(config, JSON.stringify({ ...file, api: { tokens } }))
}

function spoilStore({ dir }: Fleet): void {
  mkdirSync(join(dir, 'state'))
  writeFileSync(join(dir, 'state', 'store.sqlite'), 'x'.repeat(8_192))
}

async function run(argv: readonly string[]) {
  const child = spawn(process.execPath, ['--import=tsx', main, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (text) => {
    out.stdout += text
  })
  child.stderr.on('data', (text) => {
    out.stderr += text
  })
  const [code] = await once(child, 'close')
  return { ...out, code }
}
