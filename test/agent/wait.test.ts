import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askAgent } from '../../agent/adapters/local-question.ts'
import { type LocalSocket, localSocketPath, openLocalSocket } from '../../agent/adapters/local-socket.ts'
import { decodeAgentConfig, type TargetPlan } from '../../agent/config.ts'
import { type Waiting, waitOpen } from '../../agent/wait.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { portOf } from '../daemon/psk-server.ts'
import { until } from '../hosts/until.ts'

const bootId = 'c'.repeat(32)
const signal = new AbortController().signal

interface Place {
  readonly dir: string
  readonly waiting: Waiting
  readonly said: readonly string[]
}

async function place(t: Test, more: object = {}): Promise<Place> {
  // The path of a socket has to be short.
  const dir = await mkdtemp(join(tmpdir(), 'guardian-wait-'))
  t.teardown(() => rm(dir, { recursive: true }))
  for (const each of ['state/drained', 'state/opening', 'run']) await mkdir(join(dir, each), { recursive: true })
  await writeFile(join(dir, 'boot-id'), `${bootId}\n`)
  const said: string[] = []
  const config = decodeAgentConfig('test', {
    stateDir: join(dir, 'state'),
    runtimeDir: join(dir, 'run'),
    bootIdFile: join(dir, 'boot-id'),
    ...more,
  })
  const [plan] = config.targets
  if (plan === undefined) throw new Error('no target')
  const waiting: Waiting = {
    config,
    plan: plan satisfies TargetPlan,
    signal,
    say: (text) => said.push(text),
    absentLimitMs: 0,
  }
  return { dir, waiting, said }
}

interface Local {
  readonly local: LocalSocket
  readonly asked: string[]
  readonly gone: string[]
}

async function listen(dir: string): Promise<Local> {
  const asked: string[] = []
  const gone: string[] = []
  const local = await openLocalSocket({
    runtimeDir: join(dir, 'run'),
    knows: (target) => target === 'io-databases',
    asked: (asker) => asked.push(asker),
    gone: (asker) => gone.push(asker),
  })
  return { local, asked, gone }
}

async function refusal(work: Promise<unknown>): Promise<GuardianError> {
  const cause: unknown = await work.catch((each: unknown) => each)
  if (cause instanceof GuardianError) return cause
  throw new Error(`not refused: ${String(cause)}`)
}

t.test('the agent answers when the target may open, and not before', async (t) => {
  const { dir, waiting } = await place(t)
  const { local, asked, gone } = await listen(dir)
  let isOver = false
  const over = waitOpen({ ...waiting, absentLimitMs: 60_000 }).then((reason) => {
    isOver = true
    return reason
  })
  while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.equal(isOver, false)
  local.tellOpen(asked[0] ?? '')
  t.match(await over, 'the agent says so')
  while (gone.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(gone, asked)
  await local[Symbol.asyncDispose]()
})

t.test('an agent that comes later, or again, is asked', async (t) => {
  const { dir, waiting } = await place(t)
  const over = waitOpen({ ...waiting, absentLimitMs: 60_000 })
  const first = await listen(dir)
  while (first.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await first.local[Symbol.asyncDispose]()
  const second = await listen(dir)
  while (second.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  second.local.tellOpen(second.asked[0] ?? '')
  t.match(await over, 'the agent says so')
  await second.local[Symbol.asyncDispose]()
})

t.test('a target that the agent does not have is refused', async (t) => {
  const { dir } = await place(t)
  const { local } = await listen(dir)
  t.equal((await refusal(askAgent(join(dir, 'run'), 'other', signal))).code, 'unknown-target')
  await local[Symbol.asyncDispose]()
})

t.test('a second agent does not take the socket, a killed one’s is replaced', async (t) => {
  const { dir } = await place(t)
  const { local } = await listen(dir)
  t.equal((await refusal(listen(dir))).code, 'port-taken')
  await local[Symbol.asyncDispose]()
  await writeFile(localSocketPath(join(dir, 'run')), '')
  const again = await listen(dir)
  await again.local[Symbol.asyncDispose]()
})

t.test('where no agent answers, a marker keeps the target shut', async (t) => {
  for (const text of ['{"version":1,"holds":[]}', 'damaged']) {
    const { dir, waiting } = await place(t, { expectCoordinator: false })
    await writeFile(join(dir, 'state/drained/io-databases'), text)
    const cause = await refusal(waitOpen(waiting))
    t.equal(cause.code, 'held')
    t.match(cause.message, 'state/drained/io-databases')
  }
})

t.test('a decision of this boot stands; one of an earlier boot does not', async (t) => {
  const { dir, waiting } = await place(t)
  const file = join(dir, 'state/opening/io-databases')
  await writeFile(file, JSON.stringify({ bootId, is: 'opening' }))
  t.match(await waitOpen(waiting), 'this boot has decided')
  await writeFile(file, JSON.stringify({ bootId: 'd'.repeat(32), is: 'open' }))
  const late = await refusal(waitOpen({ ...waiting, signal: AbortSignal.timeout(300) }))
  t.equal(late.code, 'deadline')
  t.match(late.message, 'opens without a coordinator in')
})

t.test('where no coordinator is expected, the probes decide', async (t) => {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = portOf(server.address())
  const resources = { share: { type: 'tcp', host: '127.0.0.1', port } }
  const { waiting } = await place(t, { expectCoordinator: false, resources })
  t.match(await waitOpen(waiting), 'no agent answers, and its resources are ready')
  await new Promise((resolve) => server.close(resolve))
  const late = await refusal(waitOpen({ ...waiting, signal: AbortSignal.timeout(300) }))
  t.match(late.message, 'share: connection refused')
})

t.test('where one is expected, so long that it is given up', async (t) => {
  const { waiting, said } = await place(t, { bootWithoutCoordinator: '1s' })
  t.match(await waitOpen(waiting), 'no coordinator came')
  t.match(said[0], 'opens without a coordinator in')
  const never = await place(t, { bootWithoutCoordinator: 'never' })
  const late = await refusal(waitOpen({ ...never.waiting, signal: AbortSignal.timeout(300) }))
  t.match(late.message, '"never"')
})

t.test('whoever else asks, and never hangs up, keeps nobody from the answer', async (t) => {
  const { dir, waiting } = await place(t)
  const { local, asked, gone } = await listen(dir)
  const others = Array.from({ length: 100 }, () => {
    const socket = connect({ path: localSocketPath(join(dir, 'run')), allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    return socket.on('error', () => {}).on('connect', () => socket.write('{"target":"io-databases"}\n'))
  })
  await until('all have asked, and the oldest were let go', () => asked.length === others.length && gone.length >= 36)
  const over = waitOpen(waiting)
  await until('it has asked, too', () => asked.length > others.length)
  for (const asker of asked) local.tellOpen(asker)
  t.equal(await over, 'the agent says so')
  await until('nobody is kept', () => gone.length === asked.length)
  await local[Symbol.asyncDispose]()
})

t.test('whoever says nothing, or too much, is cut off', async (t) => {
  const { dir } = await place(t)
  const { local } = await listen(dir)
  const loud = connect(localSocketPath(join(dir, 'run')))
  loud.on('error', () => {})
  loud.write('x'.repeat(10_000))
  await new Promise((resolve) => loud.once('close', resolve))
  const bad = connect(localSocketPath(join(dir, 'run')))
  bad.write('not json\n')
  let text = ''
  for await (const chunk of bad) text += String(chunk)
  t.match(text, '"is":"refused"')
  await local[Symbol.asyncDispose]()
})
