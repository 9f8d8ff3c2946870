import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { accountOf } from '../../../doctor/adapters/accounts.ts'
import { keySource, readSecret, tlsQuestions } from '../../../doctor/adapters/secrets.ts'
import { secretFindings } from '../../../doctor/core/files.ts'
import { generateKey } from '../../../protocol/keys.ts'
import { service } from '../core/shapes.ts'

t.test('what is wrong with a file that must stay secret', async (t) => {
  const reader = await accountOf(null)
  const dir = t.testdir({ good: generateKey(), open: generateKey(), short: 'too short', empty: '\n', directory: {} })
  for (const file of ['good', 'short', 'empty']) await chmod(join(dir, file), 0o600)
  await chmod(join(dir, 'open'), 0o644)
  const rows: readonly [file: string, kind: 'keys' | 'token' | 'opaque' | 'public', found: readonly string[]][] = [
    ['good', 'keys', []],
    ['none', 'keys', ['secret-missing']],
    ['good/none', 'keys', ['secret-missing']],
    ['directory', 'keys', ['secret-missing']],
    ['short', 'keys', ['secret-unfit']],
    ['empty', 'keys', ['secret-unfit']],
    ['open', 'keys', ['secret-open']],
    ['good', 'token', []],
    ['short', 'token', ['secret-unfit']],
    ['open', 'token', ['secret-open']],
    ['short', 'opaque', []],
    ['open', 'opaque', ['secret-open']],
    ['open', 'public', []],
    ['none', 'public', ['secret-missing']],
  ]
  for (const [file, kind, found] of rows) {
    const facts = await readSecret({ path: join(dir, file), what: 'key', kind, reader, make: 'make it' })
    t.strictSame(
      secretFindings([facts]).map(({ rule }) => rule),
      found,
      `${file} as ${kind}`,
    )
    t.notOk(JSON.stringify(facts).includes('too short'), 'its text is told nobody')
  }
})

t.test('where a key is: the configuration, the unit, the environment', async (t) => {
  const account = { name: 'io-guardian', uid: 4_242, gid: 4_242 }
  const credentials = new Map([['psk', '/etc/guardian/psk']])
  const environment = ['A=b', 'GUARDIAN_PSK_FILE=/srv/a=b']
  t.strictSame(keySource('/x', service({ credentials }), account), { path: '/x', reader: account })
  t.match(keySource(null, service({ credentials, environment }), account), {
    path: '/etc/guardian/psk',
    reader: { name: 'root' },
  })
  t.strictSame(keySource(null, service({ environment }), account), { path: '/srv/a=b', reader: account })
  t.equal(keySource(null, service(), account), null)
})

t.test('of certificates one part alone is secret', async (t) => {
  const reader = await accountOf(null)
  t.strictSame(tlsQuestions(null, reader), [])
  const asked = tlsQuestions({ cert: '/c', key: '/k', ca: '/a' }, reader)
  t.strictSame(
    asked.map(({ path, kind }) => [path, kind]),
    [
      ['/c', 'public'],
      ['/k', 'opaque'],
      ['/a', 'public'],
    ],
  )
})
