import { createServer as createWebServer } from 'node:http'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { type ConditionsOptions, createConditions } from '../../../coordinator/adapters/conditions.ts'
import { localTime, lookAtWindow } from '../../../coordinator/adapters/window-now.ts'
import type { Condition } from '../../../coordinator/core/rollout/conditions.ts'
import type { GateCheck, HealthProbe } from '../../../protocol/rollout/policy.ts'
import { freePort } from '../../hosts/addresses.ts'

interface Told {
  readonly key: string
  readonly ok: boolean
  readonly reason: string
}

function looking(t: Test, options: Partial<ConditionsOptions> = {}) {
  const all: Told[] = []
  const waiting = new Set<() => void>()
  const conditions = createConditions({
    prometheus: () => null,
    everyMs: 5,
    limitMs: 2_000,
    ...options,
    told(key, ok, reason) {
      all.push({ key, ok, reason })
      for (const look of [...waiting]) look()
    },
  })
  t.teardown(() => conditions.close())
  const saw = (is: (told: readonly Told[]) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!is(all)) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  return { conditions, all, saw }
}

const check = (gate: GateCheck, key = 'k'): Condition => ({ key, kind: 'check', check: gate })
const probe = (one: HealthProbe): Condition => ({ key: 'k', kind: 'probe', host: 'web1', probe: one })

/** The first verdict on one condition. */
async function verdict(t: Test, condition: Condition, options: Partial<ConditionsOptions> = {}) {
  const { conditions, all, saw } = looking(t, options)
  conditions.want([condition])
  await saw((told) => told.length > 0)
  conditions.close()
  const [{ ok, reason } = { ok: null, reason: '' }] = all
  return [ok, reason] as const
}

t.test('http: what a server says, nobody there, and nonsense', async (t) => {
  const paths: (string | undefined)[] = []
  const port = await webServer(t, (path) => {
    paths.push(path)
    return { status: path === '/bad' ? 503 : 200, body: '' }
  })
  const url = `http://127.0.0.1:${port}`
  t.strictSame(await verdict(t, check({ http: `${url}/ok` })), [true, 'status 200'])
  t.strictSame(await verdict(t, check({ http: `${url}/bad` })), [false, 'status 503'])
  const from = 'coordinator' as const
  t.strictSame(await verdict(t, probe({ http: `${url}/{host}`, from, when: 'drained' })), [true, 'status 200'])
  t.equal(paths.at(-1), '/web1')
  t.strictSame(await verdict(t, check({ http: 'http://127.0.0.1:1/' })), [false, 'connection refused'])
  t.match(await verdict(t, check({ http: 'ftp://127.0.0.1/' })), [false, /ftp:/])
})

t.test('tcp', async (t) => {
  const server = createServer((socket) => socket.destroy())
  const port = await listening(t, server)
  const at = (address: string, to: number) =>
    probe({ tcp: { address, port: to }, from: 'coordinator', when: 'serving' })
  t.strictSame(await verdict(t, at('127.0.0.1', port)), [true, 'accepts connections'])
  t.strictSame(await verdict(t, at('127.0.0.1', 1)), [false, 'connection refused'])
})

t.test('exec', async (t) => {
  const sh = (script: string) => ['sh', '-c', script]
  t.strictSame(await verdict(t, check({ exec: sh('echo caught up') })), [true, 'caught up'])
  t.strictSame(await verdict(t, check({ exec: sh('echo 4 s behind; exit 1') })), [false, '4 s behind'])
  t.strictSame(await verdict(t, check({ exec: sh('sleep 1000') }), { limitMs: 100 }), [false, 'no end in 0.1 s'])
  const asked = probe({ exec: ['sh', '-c', 'echo "$1 $GUARDIAN_HOST"', 'sh', 'at {host}'], when: 'serving' })
  t.strictSame(await verdict(t, asked), [true, 'at web1 web1'])
})

t.test('a probe that only an agent can answer', async (t) => {
  const unit = probe({ unit: 'web.service', when: 'serving' })
  t.strictSame(await verdict(t, unit), [false, 'only its agent can ask for a unit'])
})

const vector = (...values: readonly string[]) => ({
  resultType: 'vector',
  result: values.map((value) => ({ metric: {}, value: [1_700_000_000.5, value] })),
})
const answers: readonly [name: string, status: number, body: unknown, ok: boolean, reason: string | RegExp][] = [
  ['a value', 200, { status: 'success', data: vector('3') }, true, 'the value is 3'],
  ['the first value counts', 200, { status: 'success', data: vector('0', '3') }, false, 'the value is 0'],
  ['infinity is not zero', 200, { status: 'success', data: vector('+Inf') }, true, 'the value is +Inf'],
  ['what is no number', 200, { status: 'success', data: vector('NaN') }, false, 'the value is NaN'],
  ['an empty answer', 200, { status: 'success', data: vector() }, false, 'an empty answer'],
  ['a scalar', 200, { status: 'success', data: { resultType: 'scalar', result: [1, '1'] } }, true, 'the value is 1'],
  ['a text', 200, { status: 'success', data: { resultType: 'string', result: [1, 'yes'] } }, false, 'the value is yes'],
  ['a range', 200, { status: 'success', data: { resultType: 'matrix', result: [] } }, false, /a range/],
  ['an error', 400, { status: 'error', errorType: 'bad_data', error: 'parse error' }, false, 'bad_data: parse error'],
  ['something else', 502, 'Bad Gateway', false, 'status 502, and no answer of a Prometheus'],
  ['an answer without end', 200, 'x'.repeat(2_000_000), false, 'the answer is too long'],
]
for (const [name, status, body, ok, reason] of answers) {
  t.test(`promql: ${name}`, async (t) => {
    const asked: string[] = []
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const port = await webServer(t, (path, query) => {
      asked.push(`${path} ${query}`)
      return { status, body: text }
    })
    const prometheus = () => `http://127.0.0.1:${port}/base`
    t.match(await verdict(t, check({ promql: 'up == 1' }), { prometheus }), [ok, reason])
    t.strictSame(asked, ['/base/api/v1/query query=up+%3D%3D+1'])
  })
}

t.test('promql: nobody there, nobody configured, and one that never answers', async (t) => {
  const asked = check({ promql: 'up' })
  const nobody = `http://127.0.0.1:${await freePort('127.0.0.1')}`
  t.strictSame(await verdict(t, asked, { prometheus: () => nobody }), [false, 'connection refused'])
  t.strictSame(await verdict(t, asked), [false, 'rebuilds.prometheus is not configured'])
  const port = await listening(t, createServer())
  const prometheus = () => `http://127.0.0.1:${port}/`
  t.strictSame(await verdict(t, asked, { prometheus, limitMs: 50 }), [false, 'no answer in 50 ms'])
})

t.test('windows, by the clock of their zone', async (t) => {
  // Saturday 23:30 in UTC is Sunday 00:30 in Berlin, and 01:30 in summer.
  const winter = Date.UTC(2026, 0, 3, 23, 30)
  const summer = Date.UTC(2026, 6, 4, 23, 30)
  t.strictSame(localTime('Europe/Berlin', winter), { day: 'Sun', minute: 30 })
  t.strictSame(localTime('Europe/Berlin', summer), { day: 'Sun', minute: 90 })
  t.strictSame(lookAtWindow('Sun 00:00/1h Europe/Berlin', winter), { ready: true, reason: 'open, it is Sun 0:30' })
  t.strictSame(lookAtWindow('Sun 00:00/1h Europe/Berlin', summer), { ready: false, reason: 'closed, it is Sun 1:30' })
  t.match(lookAtWindow('whenever', winter), { ready: false, reason: /no window/ })
  const always: Condition = { key: 'k', kind: 'window', window: '* 00:00/24h' }
  t.match(await verdict(t, always), [true, /^open, it is /])
  t.match(await verdict(t, { ...always, window: '* 00:00/24h Nowhere/Town' }), [false, /Nowhere/])
})

t.test('looked at again while it is wanted, each by itself, and not a moment longer', async (t) => {
  const { conditions, all, saw } = looking(t)
  const good = check({ exec: ['true'] }, 'good')
  const bad = check({ exec: ['false'] }, 'bad')
  conditions.want([good])
  await saw((told) => told.length >= 3)
  conditions.want([good, bad])
  await saw((told) => told.some(({ key }) => key === 'bad'))
  conditions.want([bad])
  const until = all.length
  await saw((told) => told.length >= until + 3)
  t.strictSame(new Set(all.slice(until).map(({ key }) => key)), new Set(['bad']))
})

t.test('what was found before it was wanted again is not told', async (t) => {
  const { conditions, all, saw } = looking(t)
  const slow = check({ exec: ['sh', '-c', 'sleep 1000'] })
  conditions.want([slow])
  conditions.want([])
  conditions.want([check({ exec: ['echo', 'anew'] })])
  await saw((told) => told.length > 0)
  t.strictSame(all[0], { key: 'k', ok: true, reason: 'anew' })
})

t.test('programs of many hosts run a few at a time, and all have their turn', async (t) => {
  const { conditions, saw } = looking(t, { everyMs: 60_000 })
  const many = Array.from({ length: 60 }, (_, at) => check({ exec: ['true'] }, `${at}`))
  conditions.want(many)
  await saw((told) => new Set(told.filter(({ ok }) => ok).map(({ key }) => key)).size === many.length)
  t.pass()
})

async function webServer(
  t: Test,
  answer: (path: string | undefined, body: string) => { readonly status: number; readonly body: string },
): Promise<number> {
  const server = createWebServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const { status, body } = answer(request.url, text)
    response.writeHead(status).end(body)
  })
  t.teardown(() => server.closeAllConnections())
  return await listening(t, server)
}

async function listening(t: Test, server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  const bound = server.address()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}
