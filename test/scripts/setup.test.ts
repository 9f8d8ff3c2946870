import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const script = fileURLToPath(new URL('../../scripts/setup.sh', import.meta.url))
const skip = process.getuid?.() === 0 ? false : 'only root installs packages, and gives this /usr/sbin of its own'
const programs = ['bash', 'chmod', 'dirname', 'head', 'id', 'rm', 'sort']

/** Runs it where every package is missing, /usr/sbin is the directory's, and apt-get is these lines. */
async function setUp(directory: string, aptGet: string): Promise<string | number> {
  for (const one of ['bin', 'sbin']) await mkdir(join(directory, one), { recursive: true })
  for (const one of programs) await symlink(`/bin/${one}`, join(directory, 'bin', one))
  await writeFile(join(directory, 'bin', 'apt-get'), `#!/bin/bash\n${aptGet}\n`, { mode: 0o755 })
  const program = 'mount --bind "$0/sbin" /usr/sbin && PATH=$0/bin exec bash "$1"'
  // A group of its own, as a terminal's, so that Ctrl-C meets both it and apt-get.
  const child = spawn('unshare', ['--mount', 'bash', '-c', program, directory, script], { detached: true })
  const [code, signal] = await once(child, 'close')
  return signal ?? code
}

const ends: readonly (readonly [name: string, aptGet: string, end: string | number])[] = [
  ['fails', 'exit 100', 2],
  ['is interrupted by Ctrl-C', 'kill -INT 0', 'SIGINT'],
  ['is terminated', 'kill -TERM 0', 'SIGTERM'],
]
t.test('services may start again on this machine once apt-get', { skip }, async (t) => {
  for (const [name, aptGet, end] of ends) {
    t.test(name, async (t) => {
      const directory = t.testdir()
      t.equal(await setUp(directory, `[ ! -x /usr/sbin/policy-rc.d ] || : >"${directory}/seen"\n${aptGet}`), end)
      await access(join(directory, 'seen'))
      await t.rejects(access(join(directory, 'sbin', 'policy-rc.d')), { code: 'ENOENT' })
    })
  }
  t.test('a policy of the machine’s own stays', async (t) => {
    const directory = t.testdir({ sbin: { 'policy-rc.d': 'own' } })
    t.equal(await setUp(directory, 'kill -INT 0'), 'SIGINT')
    t.equal(await readFile(join(directory, 'sbin', 'policy-rc.d'), 'utf8'), 'own')
  })
})
