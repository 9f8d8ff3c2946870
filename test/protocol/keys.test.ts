import { inspect } from 'node:util'
import t from 'tap'
import { GuardianError } from '../../protocol/errors.ts'
import { generateKey, Key, parseKeys } from '../../protocol/keys.ts'

const line = 'correct horse battery staple 0123456789'

t.test('what is derived never changes: agents and coordinators of any version must agree', async (t) => {
  const key = new Key(line)
  // Computed apart from this code, by RFC 5869 with Python's hmac.
  t.equal(key.id, '6db2d2aadfc78167')
  t.equal(key.tlsKey().toString('hex'), '38095675028b7441d03e2b2dfb9df1d50cd05eac90a3b064265674467a0f68db')
  t.equal(key.derive('web1').line(), '44808c240e963d706948727b78dff1101f4f5f386c5c5216881355f068c83f21')
  t.not(key.derive('web2').line(), key.derive('web1').line())
  t.equal(key.tlsKey(), key.tlsKey(), 'computed once')
})

t.test('a key matches its own line only', async (t) => {
  const key = new Key(line)
  t.ok(key.matches(line))
  for (const other of ['', line.slice(1), `${line} `, line.toUpperCase(), key.id]) t.notOk(key.matches(other), other)
})

t.test('a key never shows its line', async (t) => {
  const key = new Key(line)
  for (const shown of [
    JSON.stringify({ key }),
    inspect({ key }, { depth: 9, showHidden: true }),
    `${Object.values(key)}`,
  ]) {
    t.notMatch(shown, line)
    t.notMatch(shown, key.tlsKey().toString('hex'))
  }
})

t.test('a key file holds a key a line, the first to send with', async (t) => {
  const second = generateKey()
  const keys = parseKeys(`# fleet key\n\n  ${line}\t\r\n#${generateKey()}\n${second}\n`, 'psk')
  t.strictSame(
    keys.map((key) => key.line()),
    [line, second],
  )
})

t.test('a key file without a good key is refused, and its text is not told', async (t) => {
  const short = 'x'.repeat(31)
  const cases: readonly [text: string, message: RegExp][] = [
    ['', /^key file \/etc\/psk: holds no key: .*guardian keygen/],
    ['\n # nothing\n', /^key file \/etc\/psk: holds no key/],
    [
      `${line}\n${short}`,
      /^key file \/etc\/psk: the key in line 2 has 31 characters, 32 are needed: .*guardian keygen/,
    ],
  ]
  for (const [text, message] of cases) {
    const cause = thrown(() => parseKeys(text, '/etc/psk'))
    t.match(cause, { code: 'bad-key-file', message, fields: { file: '/etc/psk' } })
    t.notMatch(cause.message, short)
  }
})

t.test('generated keys are new, long enough and plain text', async (t) => {
  t.match(generateKey(), /^[0-9a-f]{64}$/)
  t.not(generateKey(), generateKey())
})

function thrown(work: () => unknown): GuardianError {
  try {
    work()
  } catch (cause) {
    if (cause instanceof GuardianError) return cause
    throw cause
  }
  throw new Error('nothing was thrown')
}
