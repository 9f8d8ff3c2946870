import t from 'tap'
import { Allowance } from '../../../coordinator/adapters/allowance.ts'

t.test('what an agent has to say comes through, a flood does not', (t) => {
  const allowance = new Allowance()
  let taken = 0
  while (taken < 100_000 && allowance.take()) taken += 1
  t.ok(taken >= 1_000, `${taken} at once`)
  t.ok(taken < 100_000, 'and then no more')
  t.end()
})
