import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type AgentConfig, decodeAgentConfig, loadAgentConfig } from '../../agent/config.ts'
import { readSecrets } from '../../agent/keys.ts'
import { readOptions } from '../../agent/options.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { generateKey } from '../../protocol/keys.ts'

const whole = {
  host: 'web1',
  listen: { address: '127.0.0.1', port: 9000 },
  pskFile: '/etc/guardian/psk',
  acceptV1: true,
  v1PskFile: 'shared',
  bus: 'private',
  targets: { storage: { unit: 'io-storage.target', needs: ['share'], dependents: ['extra.service'], enforce: true } },
  resources: { share: { type: 'tcp', host: 'io', port: 2049 } },
  expectCoordinator: false,
  bootWithoutCoordinator: 'never',
  lostAfter: '1min30s',
}

async function load(t: Test, config: unknown): Promise<AgentConfig> {
  const file = join(t.testdir({}), 'agent.json')
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config))
  return await loadAgentConfig(file)
}

async function refused(work: () => Promise<unknown>): Promise<GuardianError> {
  const cause: unknown = await work().catch((refusal: unknown) => refusal)
  if (cause instanceof GuardianError) return cause
  throw new Error(`not refused: ${String(cause)}`)
}

t.test('a whole file', async (t) => {
  const config = await load(t, whole)
  t.match(config, { listen: { port: 9000 }, v1: 'shared', bus: 'private', stateDir: '/var/lib/io-guardian' })
  t.match(config.policy, {
    host: 'web1',
    expectCoordinator: false,
    bootWithoutCoordinatorMs: null,
    lostAfterMs: 90_000,
  })
  t.match(config.targets, [
    { spec: { name: 'storage', unit: 'io-storage.target', enforce: true }, dependents: ['extra.service'] },
  ])
})

t.test('an empty file means one target that needs every resource, v2 and no v1', async (t) => {
  const config = await load(t, { resources: { redis: { type: 'redis', host: 'io' } } })
  t.match(config.targets, [{ spec: { name: 'io-databases', unit: 'io-databases.target', needs: ['redis'] } }])
  t.equal(config.v1, 'off')
  t.match(config.policy, { expectCoordinator: true, bootWithoutCoordinatorMs: 300_000, onCoordinatorLost: 'probe' })
})

const refusals: readonly [name: string, config: unknown, ...says: string[]][] = [
  ['not JSON', '{"host": ', 'not JSON'],
  ['an unknown key', { ...whole, psk: 'x' }, 'psk: no such setting'],
  ['an unknown key in a target', { targets: { a: { need: [] } } }, 'targets.a.need', 'did you mean "needs"'],
  [
    'an unknown need',
    { targets: { a: { needs: ['pg'] } }, resources: { db: { type: 'tcp', host: 'x', port: 1 } } },
    'targets.a.needs.0',
    '"pg"',
    'there is db',
  ],
  [
    'a unit twice',
    { targets: { a: { unit: 'x.target' }, b: { unit: 'x.target' } } },
    'targets.b.unit',
    'already that of target a',
  ],
  ['a unit without suffix', { targets: { a: { unit: 'x' } } }, 'targets.a.unit', 'with its suffix'],
  ['v1 without a key', { acceptV1: true }, 'acceptV1', 'v1PskFile', 'shared'],
  ['a bus that is none', { bus: 'session' }, 'bus', '"session"', 'system'],
  ['a duration that is none', { lostAfter: '30' }, 'lostAfter', '"30"', '90s'],
  ['a port that is none', { listen: { port: 99_999 } }, 'listen.port', '99999', 'at most 65535'],
]
for (const [name, config, ...says] of refusals) {
  t.test(`${name} is refused in words`, async (t) => {
    const refusal = await refused(() => load(t, config))
    t.equal(refusal.code, 'bad-config')
    for (const each of [...says, 'agent.json']) t.match(refusal.message, each)
  })
}

t.test('without a file an agent is started as the original server was', async (t) => {
  const flags = [
    '--host',
    '127.0.0.1',
    '--port',
    '9999',
    '--psk-file',
    '/k',
    '--target',
    'a=b.target',
    '--target',
    'c',
    '--bus',
    'user',
    '--state-dir',
    '/s',
  ]
  const config = await readOptions(flags, {}).load()
  t.match(config, {
    listen: { address: '127.0.0.1', port: 9999 },
    pskFile: '/k',
    v1: 'shared',
    bus: 'user',
    stateDir: '/s',
  })
  t.strictSame(
    config.targets.map(({ spec }) => [spec.name, spec.unit]),
    [
      ['a', 'b.target'],
      ['c', 'c.target'],
    ],
  )
  t.equal(config.policy.expectCoordinator, true)
})

t.test('variables say the same as flags, and flags win', async (t) => {
  const env = {
    GUARDIAN_HOST: '::1',
    GUARDIAN_PORT: '9999',
    GUARDIAN_PSK_FILE: '/k',
    GUARDIAN_TARGET: 'x.target,y=z.target',
    GUARDIAN_BUS: 'private',
    GUARDIAN_STATE_DIR: '/s',
  }
  const config = await readOptions(['--port', '1234'], env).load()
  t.match(config, { listen: { address: '::1', port: 1234 }, pskFile: '/k', bus: 'private', stateDir: '/s' })
  t.strictSame(
    config.targets.map(({ spec }) => [spec.name, spec.unit]),
    [
      ['x', 'x.target'],
      ['y', 'z.target'],
    ],
  )
})

t.test('the default file is taken only where no flag says otherwise', async (t) => {
  const file = join(t.testdir({ 'agent.json': JSON.stringify({ stateDir: '/of-the-file' }) }), 'agent.json')
  const taken = async (argv: readonly string[], env = {}) =>
    (await readOptions(argv, env, file).load()).stateDir === '/of-the-file'
  t.equal(await taken([]), true)
  t.equal(await taken(['--psk-file', '/k']), false)
  t.equal(await taken(['--port', '1']), false)
  t.equal(await taken([], { GUARDIAN_PORT: '1' }), false)
  t.equal(await taken([], { GUARDIAN_PSK_FILE: '/k' }), true, 'the key may come so, beside a file that names none')
  t.equal(await taken([], { GUARDIAN_CONFIG: file, GUARDIAN_PORT: '1' }), true, 'one that was named')
})

t.test('flags that say nothing sensible are refused in words', async (t) => {
  t.match((await refused(() => readOptions(['--port', 'http'], {}).load())).message, 'listen.port: found "http"')
  t.throws(() => readOptions(['--prot', '1'], {}), { code: 'bad-request' })
  const alone = { code: 'bad-request', message: /stands alone/ }
  t.throws(() => readOptions(['--config', 'x', '--port', '1'], {}), alone)
  t.throws(() => readOptions(['--port', '1'], { GUARDIAN_CONFIG: 'x' }), alone)
  t.throws(() => readOptions(['--config', 'x', '--psk-file', '/k'], {}), alone)
})

t.test('keys', async (t) => {
  const dir = t.testdir({ psk: `${generateKey()}\n${generateKey()}\n`, short: 'abc\n', empty: '', v1: generateKey() })
  const { chmodSync } = await import('node:fs')
  for (const name of ['psk', 'short', 'empty', 'v1']) chmodSync(join(dir, name), 0o600)
  const from = async (config: object, env = {}) => readSecrets(decodeAgentConfig('agent.json', config), env)
  t.test('of a file, shared with v1 or apart', async (t) => {
    const shared = await from({ pskFile: join(dir, 'psk'), acceptV1: true, v1PskFile: 'shared' })
    t.strictSame([shared.v2.length, shared.v1.length], [2, 2])
    const apart = await from({ pskFile: join(dir, 'psk'), acceptV1: true, v1PskFile: join(dir, 'v1') })
    t.strictSame([apart.v2.length, apart.v1.length], [2, 1])
    t.equal((await from({ pskFile: join(dir, 'psk') })).v1.length, 0)
  })
  t.test('of a credential, or of a variable', async (t) => {
    t.equal((await from({}, { CREDENTIALS_DIRECTORY: dir })).v2.length, 2)
    t.equal((await from({}, { GUARDIAN_PSK_FILE: join(dir, 'v1') })).v2.length, 1)
  })
  for (const [name, config, says] of [
    ['missing', { pskFile: join(dir, 'none') }, 'does not exist'],
    ['short', { pskFile: join(dir, 'short') }, '32 are needed'],
    ['empty', { pskFile: join(dir, 'empty') }, 'holds no key'],
    ['not configured', {}, 'LoadCredential=psk'],
    [
      'not a certificate',
      { tls: { cert: join(dir, 'psk'), key: join(dir, 'psk'), ca: join(dir, 'psk') } },
      'tls.cert, tls.key and tls.ca cannot be used',
    ],
  ] as const) {
    t.test(`${name}: refused, with the file and the way out`, async (t) => {
      const refusal = await refused(() => from(config))
      t.equal(refusal.code, 'bad-key-file')
      t.match(refusal.message, says)
    })
  }
  t.test('readable by others', async (t) => {
    chmodSync(join(dir, 'v1'), 0o644)
    t.match((await refused(() => from({ pskFile: join(dir, 'v1') }))).message, 'chmod 600')
  })
})
