import t from 'tap'
import { SessionV2 } from '../../../coordinator/adapters/session-v2.ts'

const claim = { epoch: 3, instance: 'a'.repeat(32), revision: 5 }
const hello = { type: 'hello', version: 2, host: 'web1', bootId: 'b'.repeat(32), build: 'x', seen: null } as const

t.test('pings that an agent never answers are given up, the oldest first', async (t) => {
  const agent = {
    hello: { ...hello, targets: [], clockMs: 0 },
    send: () => {},
    listen: () => {},
    close: () => {},
    bufferedBytes: 0,
    keyId: null,
  }
  const session = new SessionV2(agent, { host: 'web1', link: '1' }, { claim: () => claim, emit: () => {} })
  const first = session.ping()
  const later = Array.from({ length: 64 }, () => session.ping())
  t.equal(await first, null)
  session.message({ type: 'pong', nonce: 2 })
  t.type(await later[0], 'number')
})
