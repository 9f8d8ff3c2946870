import { execFile } from 'node:child_process'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { subcommands } from '../../ctl/completion/words.ts'
import { build } from '../../daemon/build.ts'
import { readKeyFile } from '../../daemon/key-file.ts'

const program = fileURLToPath(new URL('../../bin/guardian.ts', import.meta.url))

interface Result {
  readonly exit: number
  readonly out: string
  readonly err: string
}

function guardian(...argv: readonly string[]): Promise<Result> {
  const { GUARDIAN_PSK_FILE: _, ...env } = process.env
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import=tsx', program, ...argv], { env }, (_failure, out, err) =>
      resolve({ exit: child.exitCode ?? -1, out, err }),
    )
  })
}

t.test('says what it is and what it can do', async (t) => {
  t.strictSame(await guardian('--version'), { exit: 0, out: `${build}\n`, err: '' })
  const help = await guardian('--help')
  t.equal(help.exit, 0)
  for (const name of [
    'agent',
    'coordinator',
    'ctl',
    'wait',
    'gate',
    'install',
    'uninstall',
    'doctor',
    'keygen',
    'config',
    'completion',
  ]) {
    t.match(help.out, new RegExp(`^  ${name} .*  [a-z]`, 'm'))
  }
  const nothing = await guardian()
  t.match(nothing, { exit: 2, out: '', err: /Usage: guardian COMMAND/ })
})

for (const name of [
  'agent',
  'coordinator',
  'ctl',
  'wait',
  'gate',
  'install',
  'uninstall',
  'doctor',
  'keygen',
  'config',
  'completion',
]) {
  t.test(`guardian ${name} --help helps without the README`, async (t) => {
    const { exit, out, err } = await guardian(name, '--help')
    t.strictSame([exit, err], [0, ''])
    t.match(out, /Usage:/i)
    t.match(out, `guardian ${name}`)
    t.ok(
      out.split('\n').every((line) => line.length <= 110),
      'fits a terminal',
    )
  })
}

t.test('a shell completes every command that there is', async (t) => {
  const { out } = await guardian('--help')
  const named = [...out.matchAll(/^ {2}(\w+) .* {2}[a-z]/gm)].map(([, name]) => name)
  t.strictSame(Object.keys(subcommands).sort(), named.sort())
})

t.test('a wrong command names the right ones', async (t) => {
  t.match(await guardian('drain'), {
    exit: 2,
    out: '',
    err: /^guardian: there is no command "drain": use one of agent, /,
  })
  t.match(await guardian('constructor'), { exit: 2 })
})

t.test('makes keys and derives those of hosts', async (t) => {
  const directory = t.testdir()
  const fleet = join(directory, 'psk')
  t.strictSame(await guardian('keygen', '--out', fleet), { exit: 0, out: '', err: '' })
  t.equal((await stat(fleet)).mode & 0o777, 0o600)
  const [key] = await readKeyFile(fleet)
  const derived = await guardian('keygen', '--host', 'web1', '--psk-file', fleet)
  t.strictSame(derived, { exit: 0, out: `${key?.derive('web1').line()}\n`, err: '' })
  t.match(await guardian('keygen'), { exit: 0, out: /^[0-9a-f]{64}\n$/ })
})

t.test('a key that is in use is never written over, and usage errors say what to do', async (t) => {
  const directory = t.testdir({ psk: 'a key that is in use' })
  const path = join(directory, 'psk')
  t.match(await guardian('keygen', '--out', path), { exit: 2, err: /^guardian: key file .*psk: exists already\n$/ })
  t.equal(await readFile(path, 'utf8'), 'a key that is in use')
  t.match(await guardian('keygen', '--host', 'web1'), { exit: 2, err: /--host needs --psk-file/ })
  t.match(await guardian('keygen', '--host', 'web 1', '--psk-file', path), { exit: 2, err: /is no host name/ })
  t.match(await guardian('keygen', '--hots', 'web1'), { exit: 2, err: /keygen: Unknown option '--hots'/ })
})

t.test('checks configuration files of both daemons', async (t) => {
  const directory = t.testdir()
  const file = async (name: string, content: object | string) => {
    const path = join(directory, name)
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
    await chmod(path, 0o644)
    return path
  }
  const agent = await file('agent.json', { host: 'web1' })
  t.match(await guardian('config', 'check', agent), {
    exit: 0,
    out: `${agent}: right, for the agent of web1 with 1 target`,
  })
  const fleet = await file('fleet.json', {
    hosts: { web1: { address: '198.18.0.1' }, web2: { address: '198.18.0.2' } },
  })
  t.match(await guardian('config', 'check', fleet), {
    exit: 0,
    out: /right, for a coordinator of 2 hosts, 1 target and 0 /,
  })
  const wrong = await file('wrong.json', { hots: {}, gateDir: '/run/x' })
  const told = await guardian('config', 'check', wrong)
  t.match(told, { exit: 2, err: `guardian: ${wrong}: hots: no such setting; did you mean "hosts"? allowed are api, ` })
  t.match(await guardian('config', 'check', await file('broken', '{')), { exit: 2, err: /broken: not JSON/ })
  const tokens = [{ name: 'p', file: '/nowhere/token', may: 'read' }]
  const tokenless = await guardian('config', 'check', await file('tokenless.json', { hosts: {}, api: { tokens } }))
  t.match(tokenless, { exit: 2, err: /tokenless\.json: api\.tokens\.0\.file: \/nowhere\/token cannot be read/ })
  t.match(await guardian('config', 'check'), { exit: 2, err: /guardian config check FILE/ })
})
