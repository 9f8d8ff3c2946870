import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { run } from '../hosts/manager.ts'
import { installGuardian } from '../hosts/program.ts'

const tree = resolve(import.meta.dirname, '../..')
const { PATH = '' } = process.env

t.test('what npm packs is a whole guardian, with no package but those that it names', async (t) => {
  // Not below the tree, whose packages would be found.
  const dir = await mkdtemp(join(tmpdir(), 'guardian-pack-'))
  t.teardown(() => rm(dir, { recursive: true }))
  const environment = { PATH, HOME: dir }
  // Only to have the bundles built where they are not.
  await installGuardian(join(dir, 'built'))
  const packed = await run('npm', ['pack', tree, '--ignore-scripts', '--pack-destination', dir], environment)
  t.equal(packed.code, 0)
  const [archive = ''] = packed.stdout.trim().split('\n').slice(-1)
  t.equal((await run('tar', ['-xzf', join(dir, archive), '-C', dir], environment)).code, 0)
  const guardian = (...args: readonly string[]) =>
    run(process.execPath, [join(dir, 'package/dist/guardian.js'), ...args], environment)

  t.match(await guardian('--version'), { code: 0, stdout: /^guardian \d/ })
  t.match(await guardian('agent', '--help'), { code: 0, stdout: /Usage: guardian agent/ })
  const planned = await guardian('install', 'agent', '--dry-run', '--prefix', join(dir, 'root'))
  t.match(planned, { code: 0, stdout: 'would write /etc/systemd/system/io-guardian.service\n' })
  t.match(planned.stdout, '\n    Type=exec\n', 'the native module is not there, and the unit says so')

  await mkdir(join(dir, 'package/node_modules'))
  for (const name of ['better-sqlite3', 'bindings', 'file-uri-to-path', 'sd-notify']) {
    await symlink(join(tree, 'node_modules', name), join(dir, 'package/node_modules', name))
  }
  const again = await guardian('install', 'coordinator', '--dry-run', '--prefix', join(dir, 'root'))
  t.match(again, { code: 0, stdout: '\n    Type=notify\n' })
  t.match(await guardian('coordinator', '--config', '/nowhere'), { code: 2, stderr: '/nowhere: does not exist' })
})
