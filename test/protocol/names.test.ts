import t from 'tap'
import * as v from 'valibot'
import { limits } from '../../protocol/limits.ts'
import { bootId, commandId, counter, holdId, hostName, message, spanMs, unitName } from '../../protocol/names.ts'

const long = (length: number) => 'a'.repeat(length)
const max = limits.nameLength

const cases: readonly [name: string, schema: v.GenericSchema, good: readonly unknown[], bad: readonly unknown[]][] = [
  [
    'host name',
    hostName,
    ['io', 'web-1.example.org', 'A', '1', 'a_b', long(max)],
    ['', '.', '..', '-a', '_a', '.a', 'a b', 'a/b', 'a\n', 'ä', 'a:1', long(max + 1), 1, null],
  ],
  [
    'unit name',
    unitName,
    [
      'web.service',
      'io-databases.target',
      'postgresql@15-main.service',
      'dev-disk\\x2d1.device',
      'a:b.timer',
      '-.mount',
    ],
    ['web', '.service', 'web.conf', '../web.service', 'a b.service', 'web.service\n', 'web.service.d', long(max), 1],
  ],
  [
    'hold id',
    holdId,
    ['9d1c0b7f3e5a48d2a6c4e8f017b2d359', 'postgresql/0c9e1f7a2b3d4c5e8f60718293a4b5c6/12', 'v1/0f6d', long(max)],
    ['', '/a', 'a b', 'a\u0000', long(max + 1)],
  ],
  [
    'boot id',
    bootId,
    ['0c9e1f7a2b3d4c5e8f60718293a4b5c6'],
    ['', '0c9e1f7a-2b3d-4c5e-8f60-718293a4b5c6', '0C9E'.repeat(8)],
  ],
  ['command id', commandId, ['c', long(64)], ['', long(65)]],
  [
    'message',
    message,
    ['', 'a new disk', 'ümläute 💾', ' '.repeat(limits.messageLength)],
    ['a\n', 'a\t', '\u001b[31m', 'a\u007f', 'a\u009b', ' '.repeat(limits.messageLength + 1)],
  ],
  ['counter', counter, [0, 1, Number.MAX_SAFE_INTEGER], [-1, 0.5, Number.MAX_SAFE_INTEGER + 1, Number.NaN, '1']],
  ['span', spanMs, [0, 366 * 86_400_000], [366 * 86_400_000 + 1, -1]],
]
for (const [name, schema, good, bad] of cases) {
  for (const value of good)
    t.equal(v.is(schema, value), true, `${name} ${JSON.stringify(value)?.slice(0, 60)} is taken`)
  for (const value of bad)
    t.equal(v.is(schema, value), false, `${name} ${JSON.stringify(value)?.slice(0, 60)} is refused`)
}
