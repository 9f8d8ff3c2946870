import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type ChildOptions, runChild } from '../../../coordinator/adapters/child.ts'
import { codeOf } from '../../../daemon/reason.ts'
import { until } from '../../hosts/until.ts'

const shell = (script: string, more: Partial<ChildOptions> = {}) =>
  runChild({ argv: ['sh', '-c', script], limitMs: 20_000, ...more })

const ends: readonly [name: string, script: string, ok: boolean, reason: string][] = [
  ['silent and good', 'true', true, 'exit 0'],
  ['silent and bad', 'exit 3', false, 'exit 3'],
  ['its last line is the reason', 'echo one; echo two', true, 'two'],
  [
    'also one without an end, or of the other output',
    'echo one; printf "lag is 4 s " >&2; exit 1',
    false,
    'lag is 4 s',
  ],
  ['ended by a signal', 'kill -TERM $$', false, 'ended by SIGTERM'],
]
for (const [name, script, ok, reason] of ends) {
  t.test(name, async (t) => t.strictSame(await shell(script), { ok, reason }))
}

t.test('a program that is not there', async (t) => {
  const end = await runChild({ argv: ['/nowhere/check'], limitMs: 1_000 })
  t.strictSame(end, { ok: false, reason: '/nowhere/check: no such file' })
})

t.test('its environment is what was said, and nothing of the daemon’s', async (t) => {
  t.teardown(() => delete process.env.GUARDIAN_PSK_FILE)
  process.env.GUARDIAN_PSK_FILE = '/secret'
  const lines: string[] = []
  await shell('env', { env: { GUARDIAN_HOST: 'web1' }, line: (text) => lines.push(text) })
  const names = lines.map((line) => line.split('=', 1)[0])
  t.ok(names.includes('PATH') && names.includes('GUARDIAN_HOST'))
  t.notOk(names.includes('GUARDIAN_PSK_FILE') || names.includes('CREDENTIALS_DIRECTORY'))
})

t.test('its input arrives whole, and one that does not read it is no trouble', async (t) => {
  const input = 'x'.repeat(300_000)
  t.strictSame(await shell('wc -c', { input }), { ok: true, reason: `${input.length}` })
  t.strictSame(await shell('exec <&-; exit 0', { input }), { ok: true, reason: 'exit 0' })
})

t.test('lines are cut, and a flood is read but not told', async (t) => {
  const lines: string[] = []
  const end = await shell('head -c 5000 /dev/zero | tr "\\0" x; echo; yes | head -c 3000000', {
    line: (text) => lines.push(text),
  })
  t.equal(end.ok, true)
  t.equal(lines[0]?.length, 2_000)
  t.ok(lines.length > 1_000 && lines.length < 131_072, `${lines.length} lines`)
})

t.test('at the limit everything that it began is killed', async (t) => {
  const pidFile = join(t.testdir(), 'pid')
  const end = await shell(`sleep 1000 & echo $! > ${pidFile}; wait`, { limitMs: 300 })
  t.strictSame(end, { ok: false, reason: 'no end in 0.3 s' })
  await gone(pidFile)
})

t.test('what it leaves behind is killed when it ends', async (t) => {
  const pidFile = join(t.testdir(), 'pid')
  t.match(await shell(`sleep 1000 & echo $! > ${pidFile}; echo done`), { ok: true, reason: 'done' })
  await gone(pidFile)
})

t.test('one that left its group does not keep anybody waiting', async (t) => {
  const pidFile = join(t.testdir(), 'pid')
  const end = await shell(
    `setsid sleep 1000 & echo $! > ${pidFile}; while ! ps -o args= -p $! | grep -q ^sleep; do :; done; echo away`,
  )
  t.strictSame(end, { ok: true, reason: 'away' })
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL')
})

t.test('stopped before and while it runs', async (t) => {
  t.strictSame(await shell('sleep 1000', { signal: AbortSignal.abort() }), { ok: false, reason: 'stopped' })
  const stop = new AbortController()
  const running = shell('echo up; sleep 1000', { signal: stop.signal, line: () => stop.abort() })
  t.strictSame(await running, { ok: false, reason: 'stopped' })
})

function gone(pidFile: string): Promise<true> {
  const pid = Number(readFileSync(pidFile, 'utf8'))
  return until(`process ${pid} is gone`, () => !isAlive(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A container may have nobody who reaps.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch (cause) {
    if (codeOf(cause) === 'ESRCH' || codeOf(cause) === 'ENOENT') return false
    throw cause
  }
}
