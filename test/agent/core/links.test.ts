import t from 'tap'
import type { Authority } from '../../../protocol/authority.ts'
import {
  claimOf,
  drainedScene,
  holdOf,
  kinds,
  notes,
  openScene,
  outcomes,
  responses,
  Scene,
  sentTo,
  target,
  twin,
  viewOf,
} from './scene.ts'

const coordinator = (epoch: number, revision: number, instance?: string): Authority => ({
  kind: 'coordinator',
  claim: claimOf(epoch, revision, instance),
})
const direct: Authority = { kind: 'direct', operator: 'ada' }
const seen = claimOf(5, 10)

t.test('a coordinator’s greeting is kept on disk before it is answered', async (t) => {
  const scene = new Scene()
  const effects = scene.greet('c')
  t.strictSame(kinds(effects), ['send', 'report', 'note'])
  t.match(sentTo(effects, 'c'), [
    { type: 'hello', version: 2, host: 'web1', seen: claimOf(), targets: [target], clockMs: 1_000 },
  ])
  t.strictSame(notes(effects), ['claim-accepted'])
  t.strictSame(scene.disk.seen, claimOf())
  t.equal(scene.state.coordinatorHeardMs, 1_000)
})

t.test('a known claim is not written again', async (t) => {
  const scene = new Scene({ seen })
  scene.greet('c', coordinator(5, 10))
  t.equal(scene.saves, 0)
  t.strictSame(notes(scene.effects), [])
  scene.greet('c2', coordinator(5, 11))
  t.strictSame(scene.disk.seen, claimOf(5, 11))
  t.strictSame(notes(scene.effects), [], 'it is no other coordinator')
})

const refusals: readonly [name: string, authority: Authority, code: string, close: number][] = [
  ['a lower epoch', coordinator(4, 10), 'superseded', 4009],
  ['a twin', coordinator(5, 10, twin), 'superseded', 4009],
  ['a store restored from an old copy', coordinator(6, 9, twin), 'superseded', 4009],
  ['an older revision of the same', coordinator(5, 9), 'stale', 4010],
]
for (const [name, authority, code, close] of refusals) {
  t.test(`${name} is refused at its greeting, and told why`, async (t) => {
    const scene = new Scene({ seen })
    t.match(scene.greet('c', authority), [
      {
        type: 'send',
        link: 'c',
        message: { type: 'error', code, seen, message: code === 'stale' ? /older/ : /later coordinator/ },
      },
      { type: 'close', link: 'c', code: close },
      { type: 'note', note: { what: 'refused', code } },
    ])
    t.equal(scene.state.links.size, 0)
    t.strictSame(scene.state.seen, seen)
    t.equal(scene.saves, 0)
  })
  t.test(`${name} is refused at an order and at a ping too`, async (t) => {
    const scene = drainedScene({ seen: claimOf(5, 9) })
    scene.state = { ...scene.state, seen, links: scene.state.links }
    const before = scene.duty()
    scene.send({
      type: 'greeted',
      link: 'old',
      hello: { type: 'hello', oldest: 2, newest: 2, build: '', authority: direct },
    })
    scene.state = { ...scene.state, links: new Map([['old', { id: 'old', role: 'coordinator' }]]) }
    scene.undrain('old', ['h1'], { authority })
    if (code === 'stale')
      t.match(scene.effects, [{ message: { outcome: 'stale', report: null } }, { note: { code: 'stale' } }])
    else t.match(kinds(scene.effects), ['send', 'close', 'note'])
    t.strictSame(scene.duty(), before, 'nothing changed')
    scene.state = { ...scene.state, links: new Map([['old', { id: 'old', role: 'coordinator' }]]) }
    const claim = authority.kind === 'coordinator' ? authority.claim : null
    const pinged = scene.send({ type: 'pinged', link: 'old', nonce: 3, claim })
    if (code === 'stale') t.match(sentTo(pinged, 'old'), [{ type: 'pong', nonce: 3 }])
    else t.match(kinds(pinged), ['send', 'close', 'note'])
    t.strictSame(scene.state.seen, seen)
  })
}

t.test('a later coordinator ends the link of the one before', async (t) => {
  const scene = openScene()
  const drain = scene.drain('c', [holdOf('h1')])
  t.match(scene.greet('n', coordinator(2, 1, twin)), [
    { type: 'close', link: 'c', code: 1000 },
    { type: 'send', link: 'n' },
    { type: 'report' },
    { type: 'note' },
  ])
  t.strictSame([...scene.state.links.keys()], ['n'])
  scene.tick()
  scene.view(viewOf(scene.duty().round, 'inactive'))
  t.strictSame(outcomes(scene.tick()), [], `${drain} was asked on a link that is gone`)
})

t.test('the links of gates and people stay', async (t) => {
  const scene = openScene()
  scene.greet('d', direct)
  scene.greet('g', { kind: 'gate', resource: 'pg' })
  t.match(sentTo(scene.effects, 'g'), [{ type: 'hello' }])
  scene.greet('n', coordinator(2, 1))
  t.strictSame(
    [...scene.state.links.values()].map(({ role }) => role),
    ['direct', 'gate', 'coordinator'],
  )
})

t.test('a second greeting on a link is refused', async (t) => {
  const scene = openScene()
  t.match(scene.greet('c'), [{ message: { code: 'bad-message' } }, { type: 'close', code: 1007 }, { type: 'note' }])
  t.equal(scene.state.links.size, 0)
})

for (const [name, oldest, newest, isFine] of [
  ['both at the edge', 2, 2, true],
  ['an older peer that speaks this too', 1, 2, true],
  ['a newer peer that speaks this too', 2, 9, true],
  ['a peer that is too new', 3, 9, false],
  ['a peer that is too old', 1, 1, false],
] as const) {
  t.test(`versions: ${name}`, async (t) => {
    const scene = new Scene()
    const hello = { type: 'hello' as const, oldest, newest, authority: direct, build: '' }
    t.match(
      scene.send({ type: 'greeted', link: 'd', hello }),
      isFine ? [{ message: { type: 'hello' } }] : [{ message: { code: 'bad-message' } }],
    )
    t.equal(scene.state.links.size, isFine ? 1 : 0)
  })
}

t.test('a ping is answered at once, and carries the claim on', async (t) => {
  const scene = openScene()
  const { saves } = scene
  scene.nowMs += 4_000
  t.strictSame(scene.send({ type: 'pinged', link: 'c', nonce: 7, claim: claimOf() }), [
    { type: 'send', link: 'c', message: { type: 'pong', nonce: 7 } },
  ])
  t.equal(scene.saves, saves)
  t.equal(scene.state.coordinatorHeardMs, scene.nowMs)
  scene.send({ type: 'pinged', link: 'c', nonce: 8, claim: claimOf(1, 2) })
  t.strictSame(scene.disk.seen, claimOf(1, 2))
})

t.test('a ping of others, or without a claim, says nothing of a coordinator', async (t) => {
  const scene = openScene()
  scene.greet('d', direct)
  const heardMs = scene.state.coordinatorHeardMs
  scene.nowMs += 4_000
  for (const [link, claim] of [
    ['d', claimOf(9, 9)],
    ['c', null],
  ] as const) {
    t.match(scene.send({ type: 'pinged', link, nonce: 1, claim }), [{ message: { type: 'pong' } }])
    t.equal(scene.state.coordinatorHeardMs, heardMs)
    t.strictSame(scene.state.seen, claimOf())
  }
})

t.test('an order before, or beside, the greeting is refused', async (t) => {
  const scene = openScene()
  scene.drain('nobody', [holdOf('h1')])
  t.match(scene.effects, [{ message: { code: 'bad-message' } }, { type: 'close', link: 'nobody' }, { type: 'note' }])
  scene.greet('d', direct)
  scene.drain('d', [holdOf('h1')], { authority: coordinator(1, 1) })
  t.match(scene.effects, [{ message: { code: 'bad-message' } }, { type: 'close', link: 'd' }, { type: 'note' }])
  t.equal(scene.disk.records.get(target)?.marker, null)
})

t.test('a hold that is not the peer’s to give is refused whole', async (t) => {
  const scene = openScene()
  scene.drain('c', [holdOf('h1'), holdOf('x', 'self')])
  t.match(scene.effects, [{ message: { code: 'bad-message' } }, { type: 'close', link: 'c' }, { type: 'note' }])
  t.equal(scene.duty().record.marker, null)
})

t.test('an order for a target that is not here names those that are', async (t) => {
  const scene = openScene()
  const command = scene.drain('c', [holdOf('h1')], { target: 'other', authority: coordinator(1, 2) })
  t.match(responses(scene.effects), [
    { id: command, outcome: 'failed', message: `no target named other here; there is: ${target}`, report: null },
  ])
  t.match(scene.effects, [{}, { note: { what: 'refused', code: 'unknown-target' } }])
  t.strictSame(scene.disk.seen, claimOf(1, 2), 'its claim counts')
  scene.greet('d', direct)
  scene.drain('d', [holdOf('x', 'direct')], { target: 'y'.repeat(255), authority: direct })
  t.equal(outcomes(scene.effects).length, 1)
  t.ok((responses(scene.effects)[0]?.message.length ?? 501) <= 500)
})

t.test('a direct order and a gate’s are not checked against the epoch', async (t) => {
  const scene = drainedScene({ seen })
  scene.greet('c', coordinator(5, 10))
  const { saves } = scene
  scene.greet('d', direct)
  scene.drain('d', [holdOf('d1', 'direct')], { authority: direct })
  t.equal(scene.saves, saves + 1)
  t.strictSame(scene.state.seen, seen)
})

t.test('whoever asks for the status gets a report', async (t) => {
  const scene = openScene()
  scene.greet('d', direct)
  t.match(scene.send({ type: 'status-asked', link: 'd' }), [
    { type: 'send', link: 'd', message: { type: 'report', seen: claimOf() } },
  ])
})

t.test('a link that closes takes along whoever waits on it, and nobody else', async (t) => {
  const scene = openScene({ records: {} })
  scene.greet('d', direct)
  scene.drain('c', [holdOf('h1')])
  scene.drain('d', [holdOf('d1', 'direct')], { authority: direct })
  scene.send({ type: 'link-closed', link: 'c' })
  t.strictSame(
    scene.duty().waiters.map(({ link }) => link),
    ['d'],
  )
  t.strictSame([...scene.state.links.keys()], ['d'])
  t.strictSame(
    scene.duty().record.marker?.map(({ id }) => id),
    ['h1', 'd1'],
    'no hold goes with a link',
  )
})
