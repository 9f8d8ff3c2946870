import t from 'tap'
import { statusOf } from '../../coordinator/pulse.ts'
import { aHold } from './adapters/store-samples.ts'
import { aFleet, aPlan } from './http/api-parts.ts'

const hello = { type: 'hello', version: 2, bootId: 'e'.repeat(32), build: 'x', seen: null, clockMs: 1 } as const
const superseded = { host: 'web1', seen: { epoch: 9, instance: 'd'.repeat(32), revision: 1 } }

t.test('what systemctl status shows', async (t) => {
  const { parts, loop } = aFleet({ plan: aPlan(['web1', 'web2']) })
  t.equal(statusOf(loop.state), '0 of 2 hosts connected, 0 holds')
  for (const host of ['web1', 'web2']) {
    await parts.tell({ type: 'link-up', host, link: host, hello: { ...hello, host, targets: [] } })
  }
  t.equal(statusOf({ ...loop.state, holds: new Map([['h', aHold()]]) }), '2 hosts connected, 1 hold')
  t.match(
    statusOf({ ...loop.state, superseded }),
    /^superseded: web1 has seen epoch 9; see guardian coordinator takeover/,
  )
})
