import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readKeyFile } from '../../daemon/key-file.ts'
import { generateKey } from '../../protocol/keys.ts'

t.test('reads a file that only its owner may read', async (t) => {
  const line = generateKey()
  const path = await keyFile(t.testdir(), `${line}\n`, 0o600)
  t.strictSame(
    (await readKeyFile(path)).map((key) => key.line()),
    [line],
  )
})

t.test('refuses a file that is no safe key file, names it and says what to do', async (t) => {
  const directory = t.testdir()
  const secret = generateKey()
  const cases: readonly [name: string, text: string | null, mode: number, message: RegExp][] = [
    ['missing', null, 0, /missing: does not exist: make one with "guardian keygen --out .*missing"$/],
    ['empty', '', 0o600, /empty: holds no key: make one/],
    ['short', 'too short', 0o600, /short: the key in line 1 has 9 characters, 32 are needed/],
    ['world', secret, 0o644, /world: others may read it \(mode 0644\): run "chmod 600 .*world"/],
    ['group', secret, 0o640, /group: others may read it \(mode 0640\)/],
    ['long', 'x\n'.repeat(40_000), 0o600, /long: has 80000 bytes: this is no key file$/],
  ]
  for (const [name, text, mode, message] of cases) {
    const path = text === null ? join(directory, name) : await keyFile(directory, text, mode, name)
    const cause = await readKeyFile(path).then(
      () => null,
      (reason: unknown) => reason,
    )
    t.match(cause, { code: 'bad-key-file', message, fields: { file: path } }, name)
    t.notMatch(String(cause), secret, name)
  }
  await mkdir(join(directory, 'folder'))
  await t.rejects(readKeyFile(join(directory, 'folder')), { code: 'bad-key-file', message: /folder: is not a file$/ })
})

t.test('takes what systemd passes as a credential, whatever its mode', async (t) => {
  const directory = t.testdir()
  const path = await keyFile(directory, generateKey(), 0o440)
  process.env.CREDENTIALS_DIRECTORY = directory
  t.teardown(() => delete process.env.CREDENTIALS_DIRECTORY)
  t.equal((await readKeyFile(path)).length, 1)
})

async function keyFile(directory: string, text: string, mode: number, name = 'psk'): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  await chmod(path, mode)
  return path
}
