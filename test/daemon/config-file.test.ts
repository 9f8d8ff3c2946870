import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import { decodeConfig, readConfig } from '../../daemon/config-file.ts'
import { nearest } from '../../daemon/config-keys.ts'
import { probeSpec } from '../../daemon/probe.ts'
import { duration } from '../../protocol/duration.ts'
import { targetName, unitName } from '../../protocol/names.ts'

const schema = v.strictObject({
  host: v.string(),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)), 9876),
  targets: v.optional(
    v.record(targetName, v.strictObject({ unit: unitName, needs: v.optional(v.array(v.string()), []) })),
    {},
  ),
  resources: v.optional(v.record(v.string(), probeSpec), {}),
  lost: v.optional(v.picklist(['keep', 'probe']), 'probe'),
  lostAfter: v.optional(duration, '30s'),
  acceptV1: v.optional(v.boolean(), false),
})

t.test('a good file is read, defaults filled in', async (t) => {
  const path = join(t.testdir(), 'agent.json')
  await writeFile(path, '{"host": "web1", "lostAfter": "5min"}')
  t.match(await readConfig(path, schema), { host: 'web1', port: 9876, lostAfter: 300_000, targets: {} })
})

t.test('a fault names the file, the place, what was found and what is allowed', async (t) => {
  const cases: readonly [input: object, message: string][] = [
    [{}, 'host: is missing'],
    [{ host: 5 }, 'host: found 5, must be a text'],
    [{ host: ['web1'] }, 'host: found a list, must be a text'],
    [{ host: 'a', port: '9876' }, 'port: found "9876", must be a number'],
    [{ host: 'a', port: 70_000 }, 'port: found 70000, must be at most 65535'],
    [{ host: 'a', port: 0 }, 'port: found 0, must be at least 1'],
    [{ host: 'a', acceptV1: 'yes' }, 'acceptV1: found "yes", must be true or false'],
    [{ host: 'a', lost: 'ignore' }, 'lost: found "ignore", must be "keep" or "probe"'],
    [{ host: 'a', lostAfter: '30' }, 'lostAfter: found "30", must be a duration such as "90s", "5min" or "1h30m"'],
    [
      { host: 'a', targets: { 'io-databases': { unit: 'foo' } } },
      'targets.io-databases.unit: found "foo", must be a systemd unit name with its suffix, such as "web.service"',
    ],
    [
      { host: 'a', targets: { 'io-databases': { unit: 'a.target', needs: [1] } } },
      'targets.io-databases.needs.0: found 1, must be a text',
    ],
    [{ host: 'a', targets: 'x' }, 'targets: found "x", must be an object'],
    [
      { hots: 'a', host: 'a' },
      'hots: no such setting; did you mean "host"? allowed are acceptV1, host, lost, lostAfter, port, resources, targets',
    ],
    [
      { host: 'a', targets: { x: { unit: 'a.target', dependants: [] } } },
      'targets.x.dependants: no such setting; allowed are needs, unit',
    ],
    [
      { host: 'a', resources: { db: { type: 'redis', host: 'io', prot: 1 } } },
      'resources.db.prot: no such setting; did you mean "port"? allowed are every, host, port, timeout, type',
    ],
    [
      { host: 'a', resources: { db: { type: 'mysql' } } },
      'resources.db.type: found "mysql", must be "postgres" or "redis" or "tcp" or "http" or "unit"',
    ],
  ]
  for (const [input, message] of cases) {
    t.throws(() => decodeConfig('/etc/guardian/agent.json', input, schema), {
      code: 'bad-config',
      message: `/etc/guardian/agent.json: ${message}`,
    })
  }
})

t.test('several faults are told together, a flood of them is cut', async (t) => {
  const input = { host: 5, port: 'x', lost: 1, lostAfter: 1, acceptV1: 1, targets: 1, resources: 1 }
  t.throws(() => decodeConfig('f', input, schema), { message: /^f: host: .*\n(f: .*\n){4}f: and 2 more$/ })
})

t.test('a file that cannot be read is told as such', async (t) => {
  const directory = t.testdir({ broken: '{"host": ', list: '7' })
  await t.rejects(readConfig(join(directory, 'none'), schema), { code: 'bad-config', message: /none: does not exist$/ })
  await t.rejects(readConfig(directory, schema), { code: 'bad-config', message: /cannot be read \(EISDIR\)$/ })
  await t.rejects(readConfig(join(directory, 'broken'), schema), { code: 'bad-config', message: /broken: not JSON: / })
  await t.rejects(readConfig(join(directory, 'list'), schema), { message: /list: found 7, must be an object$/ })
})

t.test('the nearest word is offered only where one is near', async (t) => {
  const words = ['pskFile', 'stateDir', 'port']
  t.equal(nearest('psk-file', words), 'pskFile')
  t.equal(nearest('statedir', words), 'stateDir')
  t.equal(nearest('unrelated', words), null)
})
