import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type FakeApi, openFakeApi } from '../fakes/coordinator-api.ts'
import { fleetOf, progressOf } from '../fakes/fleet-status.ts'
import { rolloutOf } from '../fakes/rollout-status.ts'

const guardian = fileURLToPath(new URL('../../bin/guardian.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const self = [process.execPath, `--import=${import.meta.resolve('tsx')}`, guardian]

interface Run {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>
  saw(text: string): Promise<void>
}

function run(command: readonly string[], env: Readonly<Record<string, string>>): Run {
  const [file = '', ...args] = command
  const child = spawn(file, args, { cwd: root, env: { PATH: process.env.PATH, HOME: '/nowhere', ...env } })
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => {
    out += String(data)
  })
  child.stderr.on('data', (data) => {
    err += String(data)
  })
  const ended = once(child, 'close').then(([code]) => ({ code: typeof code === 'number' ? code : null, out, err }))
  const saw = async (text: string): Promise<void> => {
    while (!out.includes(text))
      await Promise.race([
        once(child.stdout, 'data'),
        ended.then(() => Promise.reject(new Error(`${text} not in ${out}${err}`))),
      ])
  }
  return { child, ended, saw }
}

/** Runs it on a terminal of its own, where what is typed may be Ctrl-C. */
function onTerminal(words: readonly string[], env: Readonly<Record<string, string>>): Run {
  const line = [...self, ...words].map((word) => `'${word}'`).join(' ')
  return run(['script', '-qefc', `stty rows 24 cols 80; exec ${line}`, '/dev/null'], { TERM: 'xterm', ...env })
}

/** What `script` runs. */
async function onlyChildOf({ pid }: ChildProcess): Promise<number> {
  return Number(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
}

async function open(t: Test): Promise<FakeApi> {
  const api = await openFakeApi(fleetOf())
  t.teardown(() => api[Symbol.asyncDispose]())
  const hosts = ['web1', 'web2']
  api.onDrain = ({ id }) => ({ hold: id, persisted: true, hosts, waves: [] })
  api.progress = {
    want: 'drained',
    settled: false,
    superseded: false,
    hosts: [progressOf('web1', 'done'), progressOf('web2', 'moving', { units: ['app.service'] })],
  }
  return api
}

t.test('Ctrl-C on a terminal: the drain goes on, and the process ends by itself', async (t) => {
  const api = await open(t)
  const { child, ended, saw } = onTerminal(['ctl', 'drain', '--host', '*'], {
    GUARDIAN_SOCKET: api.socket,
    LANG: 'C.UTF-8',
  })
  await saw('app.service')
  child.stdin?.write('\u0003')
  const { code, out } = await ended
  t.equal(code, 9)
  t.match(out.replaceAll(/\s+/g, ' '), `Undo: guardian ctl undrain --hold ${api.drains[0]?.id}`)
  t.match(out, '\u001b[33mdraining\u001b[0m', 'in colour')
  t.match(out, '█')
})

for (const [name, sign] of [
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
  ['SIGTERM', null],
] as const) {
  t.test(`${name} at the question for the whole fleet is no`, async (t) => {
    const api = await open(t)
    const { child, ended, saw } = onTerminal(['ctl', 'drain'], { GUARDIAN_SOCKET: api.socket })
    await saw('[y/N] ')
    if (sign === null) process.kill(await onlyChildOf(child))
    else child.stdin?.write(sign)
    const { code, out } = await ended
    t.equal(code, 2)
    t.match(out, /\[y\/N\] .*\r*\nnothing was ordered; choose hosts with --host/)
    t.notMatch(out, 'a bug')
    t.ok(
      api.drains.every(({ dryRun }) => dryRun),
      'nothing was ordered',
    )
  })
}

t.test('NO_COLOR on a terminal', async (t) => {
  const api = await open(t)
  const { child, ended, saw } = onTerminal(['ctl', 'drain', '--host', '*'], {
    GUARDIAN_SOCKET: api.socket,
    NO_COLOR: '1',
  })
  await saw('app.service')
  child.stdin?.write('\u0003')
  const { code, out } = await ended
  t.equal(code, 9)
  t.notOk(['\u001b[33m', '\u001b[1m', '\u001b[2m'].some((code) => out.includes(code)))
})

t.test('into a pipe: no colour, no moving of the cursor, a line per host', async (t) => {
  const api = await open(t)
  const { ended, saw } = run([...self, 'ctl', 'drain', '--host', '*'], { GUARDIAN_SOCKET: api.socket, TERM: 'xterm' })
  await saw('web1')
  api.tell({
    want: 'drained',
    settled: true,
    superseded: false,
    hosts: [progressOf('web1', 'done'), progressOf('web2', 'done')],
  })
  const { code, out, err } = await ended
  t.equal(code, 0)
  t.match(out, /^web1 {2}drained\nweb2 {2}drained\ndrained 2 hosts in [\d.]+m?s\n$/)
  t.equal(err, '')
})

t.test('a reader that goes away early is no failure', async (t) => {
  const api = await open(t)
  const line = `${self.join(' ')} ctl status | head -1; exit \${PIPESTATUS[0]}`
  const { code, out, err } = await run(['bash', '-c', line], { GUARDIAN_SOCKET: api.socket }).ended
  t.equal(code, 0)
  t.equal(out, '3 hosts: 3 open\n')
  t.equal(err, '')
})

t.test('what is followed ends with its reader', async (t) => {
  const api = await open(t)
  const { child, ended, saw } = run([...self, 'ctl', 'events', '-f'], { GUARDIAN_SOCKET: api.socket })
  await api.followed('/v1/events')
  const happen = (id: string): void => api.happen({ id, atMs: 1, what: 'hold-taken', text: '' })
  happen('a-1')
  await saw('hold-taken')
  child.stdout?.destroy()
  happen('a-2')
  const { code, err } = await ended
  t.equal(code, 0)
  t.equal(err, '')
})

t.test('bash completes by the script that guardian prints', async (t) => {
  const api = await open(t)
  api.rollouts.statuses.set('r17', rolloutOf('planned'))
  api.rollouts.policies = [{ name: 'nightly', mode: 'flake', flake: '/srv/infra', stages: [] }]
  const directory = await mkdtemp(join(tmpdir(), 'guardian-completion-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const script = await run([...self, 'completion', 'bash'], {}).ended
  t.equal(script.code, 0)
  await writeFile(join(directory, 'guardian'), `#!/bin/sh\nexec ${self.join(' ')} "$@"\n`, { mode: 0o755 })
  await writeFile(join(directory, 'script'), script.out)
  const cases: readonly (readonly [words: readonly string[], offered: string])[] = [
    [
      ['gu'],
      'agent coordinator ctl wait gate install uninstall doctor rebuild keygen config completion --help --version',
    ],
    [['guardian', 'ctl', 'dr'], 'drain'],
    [['guardian', 'ctl', 'drain', '--dry'], '--dry-run'],
    [['guardian', 'ctl', 'drain', '--so'], '--socket'],
    [['guardian', 'ctl', 'drain', 'io'], 'io-databases'],
    [['guardian', 'ctl', '--json', 'host', ''], 'web1 web2 web3'],
    [['guardian', 'ctl', 'drain', '--host', 'web2'], 'web2'],
    [['guardian', 'ctl', 'drain', '--message', ''], ''],
    [['guardian', 'ctl', 'ro'], 'rollout'],
    [['guardian', 'ctl', 'rollout', 'p'], 'plan promote pause'],
    [['guardian', 'ctl', '--json', 'rollout', 'start', '--skip'], '--skip-stage --skip-offline'],
    [['guardian', 'ctl', 'rollout', 'start', ''], 'r17'],
    [['guardian', 'ctl', 'rollout', 'status', '--w'], '--wait'],
    [['guardian', 'ctl', 'status', '--w'], '--watch'],
    [['guardian', 'ctl', 'rollout', 'plan', '--policy', ''], 'nightly'],
    [['guardian', 'ctl', 'rollout', 'diff', ''], 'r17 web1 web2 web3'],
    [['guardian', 'ctl', 'rollout', 'skip', 'r17', 'web'], 'web1 web2 web3'],
    [['guardian', 'gate', 'u'], 'up'],
    [['guardian', 'completion', ''], 'bash zsh fish'],
  ]
  const lines = cases.map(([words]) => {
    const quoted = (words.length === 1 ? ['guardian', ''] : words).map((word) => `'${word}'`).join(' ')
    return `COMP_WORDS=(${quoted}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _guardian; echo "\${COMPREPLY[*]}"`
  })
  const program = [`cd ${directory}`, 'mkdir -p empty && cd empty', 'source ../script', ...lines].join('\n')
  const env = { PATH: `${directory}:${process.env.PATH}`, GUARDIAN_SOCKET: api.socket, NODE_PATH: root }
  const { out, err } = await run(['bash', '-c', program], env).ended
  t.strictSame(
    out.trimEnd().split('\n'),
    cases
      .map(([, offered]) => offered)
      .join('\n')
      .trimEnd()
      .split('\n'),
  )
  t.equal(err, '')
  for (const shell of ['zsh', 'fish']) {
    const { code, out } = await run([...self, 'completion', shell], {}).ended
    t.equal(code, 0)
    t.match(out, 'ctl __complete')
  }
  t.equal((await run([...self, 'completion', 'tcsh'], {}).ended).code, 2)
})
