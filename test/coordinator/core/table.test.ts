import t from 'tap'
import { Table } from '../../../coordinator/core/table.ts'

const names = Array.from({ length: 1_000 }, (_, at) => `web${at}`)
const full = Table.of(names.map((name, at) => [name, at] as const))

t.test('holds what it was given', async (t) => {
  t.equal(full.size, 1_000)
  t.equal(full.get('web0'), 0)
  t.equal(full.get('web999'), 999)
  t.equal(full.get('web1000'), undefined)
  t.ok(full.has('web7'))
  t.notOk(full.has('db7'))
  t.strictSame([...full.keys()].sort(), [...names].sort())
  t.strictSame(
    [...full.values()].sort((a, b) => a - b),
    names.map((_, at) => at),
  )
  t.strictSame(new Map(full).get('web500'), 500)
})

t.test('an empty one', async (t) => {
  t.equal(Table.of().size, 0)
  t.strictSame([...Table.of().keys()], [])
})

t.test('the last of two entries of one name counts', async (t) => {
  const table = Table.of([
    ['a', 1],
    ['a', 2],
  ])
  t.equal(table.size, 1)
  t.equal(table.get('a'), 2)
})

t.test('a changed copy leaves the first as it was', async (t) => {
  const changed = full.with('web3', -1)
  t.equal(changed.get('web3'), -1)
  t.equal(full.get('web3'), 3)
  t.equal(changed.size, 1_000)
  const grown = full.with('db1', 5)
  t.equal(grown.size, 1_001)
  t.notOk(full.has('db1'))
  const less = full.without('web3')
  t.equal(less.size, 999)
  t.notOk(less.has('web3'))
  t.equal(full.get('web3'), 3)
})

t.test('no change is the same table', async (t) => {
  t.equal(full.with('web3', 3), full)
  t.equal(full.without('db1'), full)
  const none = Table.of<undefined>()
  t.equal(none.with('a', undefined).size, 1, 'to have nothing is not to be absent')
})

t.test('tables from an empty one do not share what they take in', async (t) => {
  const empty = Table.of<number>()
  const one = empty.with('a', 1)
  const two = empty.with('b', 2)
  t.strictSame([...one.keys()], ['a'])
  t.strictSame([...two.keys()], ['b'])
  t.equal(empty.size, 0)
})
