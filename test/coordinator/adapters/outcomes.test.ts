import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createHooks, type HookOrder } from '../../../coordinator/adapters/hooks.ts'
import { createOutcomes } from '../../../coordinator/adapters/outcomes.ts'
import { beginRollouts } from '../../../coordinator/core/rollout/begin.ts'
import { rolloutStatus } from '../../../coordinator/core/rollout/status.ts'
import type { Log } from '../../../daemon/log.ts'
import type { RolloutStatus } from '../../../protocol/rollout/api.ts'
import { freePort } from '../../hosts/addresses.ts'
import { until } from '../../hosts/until.ts'
import { aFleet } from '../http/api-parts.ts'
import { aRollout, aRun } from './rollout-samples.ts'

function aStatus(): RolloutStatus {
  const rollouts = [aRollout({ now: { is: 'succeeded' } })]
  const stored = { rollouts, runs: [aRun({ now: { is: 'done' } })], locks: [], nextRollout: 2, nextEvent: 1 }
  return rolloutStatus(aFleet({ state: { rollouts: beginRollouts(stored) } }).loop.state, 'r1', 20_000, null)
}

function keptLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  return { log: pino({ base: null }, { write: (line: string) => void lines.push(line) }), lines }
}

const hook = (script: string, deadlineMs = 20_000): HookOrder => ({
  rollout: 'r1',
  hook: 'migrate',
  run: ['sh', '-c', script],
  deadlineMs,
})

function ended(t: Test, order: HookOrder) {
  const { log, lines } = keptLog()
  return new Promise<{ readonly ok: boolean; readonly reason: string; readonly lines: readonly string[] }>(
    (resolve) => {
      const hooks = createHooks({ log, ended: (_order, ok, reason) => resolve({ ok, reason, lines }) })
      t.teardown(() => hooks.close())
      hooks.run(order)
    },
  )
}

t.test('a hook: its end, its last line, and all lines in the log', async (t) => {
  const { ok, reason, lines } = await ended(t, hook('echo "$GUARDIAN_HOOK of $GUARDIAN_ROLLOUT"; echo 3 tables done'))
  t.strictSame([ok, reason], [true, '3 tables done'])
  t.match(lines.join(''), /"hook":"migrate".*"text":"migrate of r1".*\n.*3 tables done/)
})

t.test('a hook that fails, and one that never ends', async (t) => {
  t.match(await ended(t, hook('echo table is locked; exit 1')), { ok: false, reason: 'table is locked' })
  t.match(await ended(t, hook('sleep 1000', 100)), { ok: false, reason: 'no end in 0.1 s' })
})

t.test('a hook that runs when the daemon ends is killed and told of to nobody', async (t) => {
  const told: boolean[] = []
  const pidFile = join(t.testdir(), 'pid')
  const { log, lines } = keptLog()
  const hooks = createHooks({ log, ended: (_order, ok) => told.push(ok) })
  hooks.run(hook(`echo $$ > ${pidFile}; echo up; sleep 1000`))
  await until('it runs', () => lines.length > 0)
  hooks.close()
  const pid = Number(readFileSync(pidFile, 'utf8'))
  await until('it is gone', () => !isAlive(pid))
  t.strictSame(told, [])
})

t.test('an outcome, to a program', async (t) => {
  const file = join(t.testdir(), 'told')
  const { log, lines } = keptLog()
  const outcomes = createOutcomes({ log })
  const status = aStatus()
  const script = `cat > ${file}; echo "$GUARDIAN_ROLLOUT $GUARDIAN_OUTCOME" >> ${file}`
  await outcomes.tell(status, { exec: ['sh', '-c', script] })
  t.equal(readFileSync(file, 'utf8'), `${JSON.stringify(status)}r1 succeeded\n`)
  t.strictSame(lines, [])
  await outcomes.tell(status, { exec: ['sh', '-c', 'echo no mail today; exit 1'] })
  t.match(lines, [/outcome-not-told.*no mail today/])
})

t.test('an outcome, to a webhook: tried again until it arrives', async (t) => {
  const bodies: string[] = []
  const url = await webServer(t, (body, response) => {
    bodies.push(body)
    response(bodies.length < 3 ? 503 : 204)
  })
  const { log, lines } = keptLog()
  const status = aStatus()
  await createOutcomes({ log, pausesMs: [1, 1, 1] }).tell(status, { webhook: `${url}?token=secret` })
  t.strictSame(bodies, new Array(3).fill(JSON.stringify(status)))
  t.match(lines, [/status 503/, /status 503/])
  t.notMatch(lines.join(''), /secret/)
})

t.test('an outcome, to a webhook that is not there: given up, and the program is told all the same', async (t) => {
  const file = join(t.testdir(), 'told')
  const { log, lines } = keptLog()
  const outcomes = createOutcomes({ log, pausesMs: [1, 1] })
  await outcomes.tell(aStatus(), { webhook: `http://127.0.0.1:${await freePort('127.0.0.1')}/`, exec: ['touch', file] })
  t.equal(readFileSync(file, 'utf8'), '')
  t.match(lines, [/connection refused.*"again":true/, /"again":true/, /"again":false/])
})

t.test('a daemon that ends waits for no webhook', async (t) => {
  const { log } = keptLog()
  const outcomes = createOutcomes({ log, pausesMs: [3_600_000] })
  const url = await webServer(t, (_body, response) => {
    response(500)
    setImmediate(() => outcomes.close())
  })
  await outcomes.tell(aStatus(), { webhook: url })
  t.pass()
})

async function webServer(t: Test, answer: (body: string, response: (status: number) => void) => void): Promise<string> {
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    answer(body, (status) => response.writeHead(status).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const bound = server.address()
  return `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}/`
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
