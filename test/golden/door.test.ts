import t from 'tap'
import { type Door, openDoor } from '../../agent/adapters/door.ts'
import { parseKeys } from '../../protocol/keys.ts'
import { quietLog } from '../agent/quiet-log.ts'
import { replay } from './replay.ts'
import { readTranscripts } from './transcripts.ts'

const key = 'k'.repeat(32)

t.test('an agent answers every recorded visit of a v1 client as recorded', async (t) => {
  const keys = parseKeys(key, 'the test')
  const doors: Door[] = []
  const door = await openDoor({
    listen: { address: '127.0.0.1', port: 0 },
    secrets: () => ({ v2: keys, v1: keys, tls: null }),
    pages: { metrics: async () => ({ type: 'text/plain', text: '' }), unready: () => [] },
    told: (event) => {
      if (event.type === 'commanded-v1') doors[0]?.sendV1(event.link, event.action, true, 'as ordered')
    },
    failed: () => undefined,
    log: quietLog(),
  })
  doors.push(door)
  t.teardown(() => door[Symbol.asyncDispose]())
  const transcripts = await readTranscripts(key)
  const differences = await Promise.all(
    transcripts.map((transcript) => replay(`ws://127.0.0.1:${door.port}/`, transcript)),
  )
  for (const [at, { name }] of transcripts.entries()) t.equal(differences[at], null, name)
})
