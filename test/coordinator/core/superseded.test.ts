import t from 'tap'
import { type Fleet, openFleet } from './scene.ts'
import { claim, held, reportOf, twin } from './shapes.ts'

const seen: readonly [name: string, claim: typeof claim, outranked: boolean][] = [
  ['its own', claim, false],
  ['an older revision', { ...claim, revision: 6 }, false],
  ['a newer revision: the store is an old copy', { ...claim, revision: 8 }, true],
  ['an older epoch', { ...claim, epoch: 2, instance: twin }, false],
  ['an older epoch with a newer revision', { epoch: 2, instance: twin, revision: 8 }, true],
  ['a newer epoch', { ...claim, epoch: 4 }, true],
  ['a twin of the same epoch', { ...claim, instance: twin }, true],
]
for (const [name, told, outranked] of seen) {
  const ways: readonly [way: string, tell: (fleet: Fleet) => void][] = [
    ['greeting', (fleet) => fleet.up('a1', { seen: told })],
    ['report', (fleet) => fleet.tell('a1', { type: 'report', seen: told, targets: [], probes: [] })],
    ['refusal', (fleet) => fleet.outrank('a1', told)],
  ]
  for (const [way, tell] of ways) {
    t.test(`seen in a ${way}: ${name}`, async (t) => {
      const fleet = openFleet()
      tell(fleet)
      t.strictSame(fleet.state.superseded, outranked ? { host: 'a1', seen: told } : null)
      t.equal(fleet.notes.includes('superseded'), outranked)
      if (outranked) t.match(fleet.lastSave, { claim: { revision: 7 }, superseded: { host: 'a1' } })
      else t.equal(fleet.saves.length, 0)
    })
  }
}

t.test('superseded is known although the store is full', async (t) => {
  const fleet = openFleet()
  fleet.isFull = true
  fleet.outrank('a1', { ...claim, epoch: 9 })
  t.equal(fleet.state.superseded?.host, 'a1')
  t.strictSame(fleet.notes, ['superseded'])
})

t.test('once superseded it still learns the highest, and adopts nothing', async (t) => {
  const fleet = openFleet()
  fleet.outrank('a1', { ...claim, epoch: 9 })
  const { length } = fleet.saves
  fleet.outrank('b1', { ...claim, epoch: 8, revision: 50 })
  t.match(fleet.state.highest, { epoch: 9, revision: 50 })
  t.equal(fleet.state.superseded?.host, 'a1')
  fleet.report('b1', reportOf('drained', [held('old1')]))
  t.equal(fleet.state.holds.size, 0)
  t.equal(fleet.saves.length, length)
})

t.test('an error that names no claim changes nothing', async (t) => {
  const fleet = openFleet()
  const { state } = fleet
  fleet.tell('a1', { type: 'error', code: 'internal', message: 'no', seen: null })
  t.equal(fleet.state, state)
})

t.test('as far off as a coordinator may be, and one further', async (t) => {
  for (const [leap, believed] of [
    [2 ** 32, true],
    [2 ** 32 + 1, false],
  ] as const) {
    for (const seen of [
      { ...claim, epoch: claim.epoch + leap },
      { ...claim, revision: claim.revision + leap },
    ]) {
      const fleet = openFleet()
      fleet.outrank('a1', seen)
      t.equal(fleet.state.superseded !== null, believed)
    }
  }
})
