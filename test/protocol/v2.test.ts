import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import { GuardianError } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import { agentMessage, clientMessage, decodeAgentMessage, decodeClientMessage } from '../../protocol/v2.ts'
import { seeded } from './seeded.ts'

const golden = join(import.meta.dirname, '../golden/protocol')
const from = v.picklist(['client', 'agent'])
const decoders = { client: decodeClientMessage, agent: decodeAgentMessage } as const
const read = (path: string) => readFile(join(golden, path), 'utf8')

const samples = await Promise.all(
  from.options.flatMap((side) =>
    readdir(join(golden, 'v2', side)).then((names) =>
      Promise.all(names.map(async (name) => ({ side, name, text: await read(`v2/${side}/${name}`) }))),
    ),
  ),
).then((sides) => sides.flat())

t.test('each golden sample is decoded and written again as it was', async (t) => {
  for (const { side, name, text } of samples) {
    const again: unknown = JSON.parse(JSON.stringify(decoders[side](text)))
    const before: unknown = JSON.parse(text)
    t.strictSame(again, before, `${side}/${name}`)
  }
})

t.test('every message has a golden sample', async (t) => {
  const kinds = new Set(samples.map(({ side, text }) => `${side} ${kindOf(decoders[side](text))}`))
  const wanted = [
    ...clientMessage.options.flatMap((option) =>
      'options' in option
        ? ['client command drain', 'client command undrain']
        : `client ${option.entries.type.literal}`,
    ),
    ...agentMessage.options.map((option) => `agent ${option.entries.type.literal}`),
  ]
  t.strictSame([...kinds].sort(), wanted.sort())
})

function kindOf(message: { readonly type: string; readonly action?: string }): string {
  return message.action === undefined ? message.type : `${message.type} ${message.action}`
}

const refused = v.array(
  v.object({ name: v.string(), from, frame: v.string(), error: v.object({ code: v.string(), message: v.string() }) }),
)
t.test('each refused sample is refused for its reason', async (t) => {
  for (const { name, from: side, frame, error } of v.parse(refused, JSON.parse(await read('refused.json')))) {
    t.throws(() => decoders[side](frame), { name: 'GuardianError', ...error }, name)
  }
})

const tolerated = v.array(v.object({ name: v.string(), from, frame: v.unknown(), decoded: v.unknown() }))
t.test('what a later version may add is dropped, what an earlier one left out is filled in', async (t) => {
  for (const { name, from: side, frame, decoded } of v.parse(tolerated, JSON.parse(await read('tolerated.json')))) {
    t.strictSame(decoders[side](JSON.stringify(frame)), decoded, name)
  }
})

const unit = (at: number) => `u${at}.service`
const hold = { id: 'a', owner: 'self', message: '', sinceMs: 0 } as const
const authority = { kind: 'direct', operator: 'rik' } as const
const drain = {
  type: 'command',
  id: 'c',
  action: 'drain',
  target: 'a',
  authority,
  holds: [hold],
  release: [],
  limitMs: 0,
}
const target = {
  ...{ target: 'a', is: 'open', holds: [], durable: true, allowed: true, dependents: [], dependentsLeftOut: 0 },
  ...{ waitingFor: '', failed: [], breaches: 0 },
}
const report = (over: object) => ({ type: 'report', seen: null, targets: [{ ...target, ...over }], probes: [] })
const list = <T>(count: number, of: (at: number) => T) => Array.from({ length: count }, (_, at) => of(at))

const ceilings: readonly [name: string, side: 'client' | 'agent', max: number, build: (size: number) => object][] = [
  ['holds', 'client', limits.holdsMax, (size) => ({ ...drain, holds: list(size, () => hold) })],
  ['releases', 'client', limits.releasesMax, (size) => ({ ...drain, release: list(size, (at) => `r${at}`) })],
  ['target name', 'client', limits.nameLength, (size) => ({ ...drain, target: 'a'.repeat(size) })],
  ['command id', 'client', 64, (size) => ({ ...drain, id: 'a'.repeat(size) })],
  ['hold id', 'client', limits.nameLength, (size) => ({ ...drain, holds: [{ ...hold, id: 'a'.repeat(size) }] })],
  [
    'owner',
    'client',
    limits.nameLength,
    (size) => ({ ...drain, holds: [{ ...hold, owner: `operator:${'a'.repeat(size - 9)}` }] }),
  ],
  [
    'message',
    'client',
    limits.messageLength,
    (size) => ({ ...drain, holds: [{ ...hold, message: ' '.repeat(size) }] }),
  ],
  [
    'exceptions',
    'client',
    limits.exceptionsMax,
    (size) => ({ ...drain, holds: [{ ...hold, except: list(size, (at) => `h${at}`) }] }),
  ],
  ['units', 'agent', limits.dependentsMax, (size) => ({ type: 'progress', id: 'c', units: list(size, unit) })],
  ['targets', 'agent', limits.targetsMax, (size) => ({ ...report({}), targets: list(size, () => target) })],
  [
    'dependents',
    'agent',
    limits.dependentsMax,
    (size) =>
      report({ dependents: list(size, (at) => ({ unit: unit(at), active: 'active', guarded: true, processes: 0 })) }),
  ],
  ['failed units', 'agent', limits.dependentsMax, (size) => report({ failed: list(size, unit) })],
  [
    'probes',
    'agent',
    limits.probesMax,
    (size) => ({ ...report({}), probes: list(size, (at) => ({ resource: `r${at}`, ok: true, reason: '' })) }),
  ],
  ['limit', 'client', 366 * 86_400_000, (limitMs) => ({ ...drain, limitMs })],
]
t.test('every list, string and number has its ceiling', async (t) => {
  for (const [name, side, max, build] of ceilings) {
    t.doesNotThrow(() => decoders[side](JSON.stringify(build(max))), `${max} of ${name} are taken`)
    t.throws(() => decoders[side](JSON.stringify(build(max + 1))), { code: 'bad-message' }, `${max + 1} are not`)
  }
})

t.test('deep nesting is refused, not followed', async (t) => {
  for (const frame of [
    '['.repeat(limits.frameBytes),
    '{"type":'.repeat(8_000),
    `${'['.repeat(9_000)}${']'.repeat(9_000)}`,
  ]) {
    t.throws(() => decodeClientMessage(frame), { code: 'bad-message' })
  }
})

t.test('whatever arrives, a decoder throws nothing but a coded error', async (t) => {
  const { seed, below, pick } = seeded()
  const rounds = 5_000
  t.comment(`GUARDIAN_SEED=${seed}`)
  for (let round = 0; round < rounds; round += 1) {
    const frame = damaged(pick(samples).text, below, pick)
    for (const decode of Object.values(decoders)) {
      try {
        decode(frame)
      } catch (cause) {
        if (!(cause instanceof GuardianError) || cause.code !== 'bad-message') t.fail(`${frame}: ${cause}`)
      }
    }
  }
  t.pass(`${rounds} frames`)
})

const junk = [
  'null',
  '-1',
  '1e999',
  '""',
  '[]',
  '{}',
  '"\\u0000"',
  '{"__proto__":1}',
  '"\ud800"',
  'true',
  '9007199254740993',
]

function damaged(text: string, below: (max: number) => number, pick: <T>(of: readonly T[]) => T): string {
  const values = [...text.matchAll(/"[^"]*"(?!:)|\d+|null|true|false|\[\]/g)]
  const value = pick(values)
  const at = below(text.length)
  switch (below(5)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + String.fromCharCode(below(0x10000)) + text.slice(at + 1)
    case 2:
      return text.slice(0, at) + text.slice(at + below(20))
    case 3:
      return text.replace(/"(\w+)":/, `"${pick(['type', 'id', 'x', '__proto__', 'constructor'])}":`)
    default:
      return text.slice(0, value.index) + pick(junk) + text.slice(value.index + value[0].length)
  }
}
