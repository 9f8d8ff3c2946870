import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import { parseKeys } from '../../protocol/keys.ts'
import { run } from '../hosts/manager.ts'
import { evaluate, noEvaluation } from './nix.ts'

t.setTimeout(600_000)

const drvPaths = v.record(v.string(), v.pipe(v.string(), v.endsWith('.drv')))
const outputs = v.object({
  systems: v.array(v.string()),
  packages: drvPaths,
  elsewhere: drvPaths,
  devShells: drvPaths,
  checks: drvPaths,
  scripts: v.record(v.string(), v.string()),
  formatter: v.string(),
  modules: v.record(v.string(), v.literal(true)),
  overlay: v.string(),
  makeKeys: v.string(),
})
const manifest = v.object({ version: v.string() })

const { PATH = '' } = process.env
const python = (...args: readonly string[]) => run('python3', ['-c', ...args], { PATH })
const noPython = (await python('')).code === 0 ? false : 'needs python3'
const fine = { code: 0, stdout: '', stderr: '' } as const

const root = resolve(import.meta.dirname, '../..')

t.test('the flake', { skip: noEvaluation }, async (t) => {
  const flake = v.parse(outputs, await evaluate(join(import.meta.dirname, 'flake.nix'), 'flake', t.testdir()))

  t.test('gives what its users expect, and all of it can be evaluated', async (t) => {
    const text = await readFile(join(root, 'package.json'), 'utf8')
    const { version } = v.parse(v.pipe(v.string(), v.parseJson(), manifest), text)
    t.strictSame(flake.systems, ['aarch64-linux', 'x86_64-linux'])
    t.equal(flake.packages.default, flake.packages.guardian)
    t.match(flake.packages.guardian, `-guardian-${version}.drv`)
    t.equal(flake.overlay, `guardian-${version}`)
    t.strictSame(Object.keys(flake.modules), ['agent', 'coordinator', 'default', 'fleet', 'server-database'])
    t.strictSame(Object.keys(flake.checks), ['first-installation', 'fleet', 'format', 'package'])
    t.strictSame(Object.keys(flake.devShells), ['default'])
  })

  t.test('has scripts for its virtual machines that Python can parse', { skip: noPython }, async (t) => {
    for (const [name, script] of Object.entries(flake.scripts)) {
      t.strictSame(await python('import ast, sys; ast.parse(sys.argv[1])', script), fine, name)
    }
  })

  t.test('makes a key for the fleet and for each host with an agent, and none anew', async (t) => {
    const dir = t.testdir({ bin: {} })
    const guardian = join(dir, 'bin', 'guardian')
    const program = [process.execPath, '--import', import.meta.resolve('tsx'), join(root, 'bin/guardian.ts')]
    await writeFile(guardian, `#!/bin/sh\nexec ${program.join(' ')} "$@"\n`)
    await chmod(guardian, 0o755)
    const script = join(dir, 'guardian-keys')
    await writeFile(script, flake.makeKeys)
    const environment = { PATH: `${join(dir, 'bin')}:${PATH}` }
    const made = async () => {
      t.strictSame(await run('bash', [script, join(dir, 'keys')], environment), fine)
      const names = (await readdir(join(dir, 'keys'))).sort()
      const modes = await Promise.all(names.map(async (name) => (await stat(join(dir, 'keys', name))).mode & 0o777))
      t.ok(modes.every((mode) => mode === 0o600))
      return new Map(
        await Promise.all(
          names.map(async (name) => [name, (await readFile(join(dir, 'keys', name), 'utf8')).trim()] as const),
        ),
      )
    }
    const first = await made()
    t.strictSame([...first.keys()], ['fleet.key', 'old-web2.key', 'web1.key'])
    const [fleet] = parseKeys(first.get('fleet.key') ?? '', 'fleet.key')
    t.equal(first.get('web1.key'), fleet?.derive('web1').line())
    t.strictSame(await made(), first)
    t.equal((await run('bash', [script], environment)).code, 2)
  })
})
