import t from 'tap'
import { errors } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'

t.test('every ceiling is a positive whole number', async (t) => {
  for (const [name, value] of Object.entries(limits)) t.ok(Number.isSafeInteger(value) && value > 0, name)
  t.ok(limits.frameBytesBeforeProof < limits.frameBytes, 'a stranger gets the smaller frame')
  t.ok(limits.strangersPerAddressMax < limits.strangersMax, 'one address cannot fill the pool of strangers')
})

t.test('every error tells each door something that the door may say', async (t) => {
  for (const [code, { http, close, exit }] of Object.entries(errors)) {
    t.ok(http >= 400 && http < 600, `${code}: HTTP ${http} is an error`)
    t.ok([1007, 1008, 1011, 1013].includes(close) || (close >= 4000 && close < 5000), `${code}: close code ${close}`)
    t.ok([1, 2, 3, 4, 5, 6, 9].includes(exit), `${code}: exit ${exit}`)
  }
})
