import t from 'tap'
import * as v from 'valibot'
import { fleetStatus as statusOf } from '../../../coordinator/core/status.ts'
import { fleetStatus } from '../../../protocol/api.ts'
import type { Hold } from '../../../protocol/hold.ts'
import { limits } from '../../../protocol/limits.ts'
import { Fleet, openFleet } from './scene.ts'
import { bootId, claim, held, planOf, reportOf, resourceOf, specOf, undrainRequest } from './shapes.ts'

// What whoever has the key of a1 can say, and that b1 and the operators never notice.

function isReadable(fleet: Fleet): boolean {
  return v.is(fleetStatus, JSON.parse(JSON.stringify(statusOf(fleet.state, fleet.nowMs, 0))))
}

t.test('a claim that no coordinator can have reached ends the link, not the fleet', async (t) => {
  const far = Number.MAX_SAFE_INTEGER
  for (const seen of [
    { ...claim, epoch: far },
    { ...claim, revision: far },
  ]) {
    const fleet = openFleet()
    fleet.tell('a1', { type: 'report', seen, targets: [], probes: [] })
    t.match(fleet.sent, [{ type: 'close', host: 'a1', reason: /no coordinator can have reached/ }])
    fleet.up('a1', { seen })
    t.match(fleet.sent, [{ type: 'close', host: 'a1' }])
    fleet.outrank('a1', seen)
    t.equal(fleet.state.superseded, null)
    fleet.drain('h', { selector: 'b1' })
    t.strictSame(fleet.orders, ['drain b1'])
  }
})

t.test('a claim that a coordinator can have reached supersedes, and a takeover climbs over it', async (t) => {
  const fleet = openFleet()
  fleet.up('a1', { seen: { ...claim, epoch: 1_000_000 } })
  t.not(fleet.state.superseded, null)
  fleet.takeOver()
  t.equal(fleet.state.claim.epoch, 1_000_001)
})

t.test('what a peer says for a person fails no answer of the API', async (t) => {
  const long = 'x'.repeat(limits.messageLength + 1)
  const fleet = new Fleet({ plan: planOf({ hosts: [specOf('a1'), specOf('b1', { protocol: 'v1' })] }) })
  fleet.up('a1', { targets: Array.from({ length: limits.targetsMax }, (_, at) => `${'x'.repeat(200)}${at}`) })
  t.ok(isReadable(fleet), 'targets of a hello')
  fleet.upV1('b1')
  fleet.send({
    type: 'told-v1',
    host: 'b1',
    link: fleet.link('b1'),
    action: 'drain',
    ok: false,
    text: `\u001b[2J${long}`,
  })
  t.ok(isReadable(fleet), 'the answer of a v1 server')
  fleet.send({ type: 'probed', resource: 'pg', ready: false, reason: `\u001b[2J${long}` })
  t.ok(isReadable(fleet), 'the reason of a probe')
  fleet.send({ type: 'link-down', host: 'a1', link: fleet.link('a1'), reason: '\u001b[2Jgone\u0007' })
  t.ok(isReadable(fleet), 'the reason of a close')
  t.match(fleet.effects, [{ note: { what: 'host-lost', text: ' [2Jgone ' } }])
})

t.test('targets that nobody configured leave nothing behind', async (t) => {
  const fleet = openFleet()
  fleet.report('a1', reportOf('drained', [held('junk')], { target: 'made-up' }))
  t.strictSame([...(fleet.state.hosts.get('a1')?.seats.keys() ?? [])], ['db'])
  t.equal(fleet.state.holds.size, 0)
})

const gated = planOf({ resources: [resourceOf('pg', { gate: { limitMs: 90_000 } })] })
const foretold = `pg/${bootId}/2`
const forgeries: readonly [name: string, hold: Hold][] = [
  ['its own', held(foretold, 'gate:pg')],
  ['an operator’s', held(foretold, 'operator:eve', { except: ['b1'] })],
]
for (const [name, hold] of forgeries) {
  t.test(`the hold of a gate’s next run, foretold as ${name}, takes nobody out of it`, async (t) => {
    const fleet = openFleet({ plan: gated })
    fleet.report('a1', reportOf('open', [hold]))
    const request = undrainRequest({ hold: foretold })
    t.match(fleet.refusal({ type: 'undrain-asked', request }), { code: 'held' }, 'its file was not read yet')
    fleet.gate('up', 1)
    fleet.tick()
    t.match(fleet.refusal({ type: 'undrain-asked', request }), { code: 'held', message: /has not come to here/ })
    t.strictSame(fleet.gate('down', 2), { hold: foretold })
    t.match(fleet.state.holds.get(foretold), { owner: 'gate:pg', except: new Set(), members: new Set(['a1', 'b1']) })
    t.ok(fleet.orders.includes('drain b1'))
  })
}

t.test('whoever brings a lost hold first neither ends it nor takes others out of it', async (t) => {
  const fleet = new Fleet()
  fleet.join('a1', reportOf('drained', [held('h1', 'operator:eve', { except: ['b1'], remainingMs: 1 })]))
  fleet.tick(1_000)
  fleet.join('b1', reportOf('drained', [held('h1')]))
  fleet.tick(1_000)
  t.match(fleet.state.holds.get('h1'), { members: new Set(['a1', 'b1']), except: new Set(), end: null })
  t.strictSame(fleet.orders, [])
})

t.test('no more holds are adopted from a host than its marker can carry', async (t) => {
  const fleet = openFleet()
  for (let round = 0; round < 4; round += 1) {
    const holds = Array.from({ length: limits.holdsMax }, (_, at) => held(`junk-${round}-${at}`))
    fleet.report('a1', reportOf('drained', holds))
  }
  t.equal(fleet.state.holds.size, limits.holdsMax)
  t.strictSame(
    fleet.commands.flatMap(({ release }) => release),
    [],
    'what is not adopted is not released either',
  )
})
