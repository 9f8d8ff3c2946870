import t from 'tap'
import { createTurnstile } from '../../daemon/turnstile.ts'

const hourMs = 3_600_000

t.test('lets as many in as there are places, the others in the order they came', async (t) => {
  const turnstile = createTurnstile(2, hourMs)
  const story: string[] = []
  const enter = async (name: string) => {
    const leave = await turnstile.enter()
    story.push(name)
    return leave
  }
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(enter)
  const leaveA = await a
  const leaveB = await b
  t.strictSame(story, ['a', 'b'])
  leaveB?.()
  leaveB?.()
  const leaveC = await c
  t.strictSame(story, ['a', 'b', 'c'], 'a place that is given back twice lets one in')
  leaveA?.()
  const leaveD = await d
  t.strictSame(story, ['a', 'b', 'c', 'd'])
  leaveC?.()
  leaveD?.()
})

t.test('whoever gives up loses no place for the others', async (t) => {
  const turnstile = createTurnstile(1, hourMs)
  const leave = await turnstile.enter()
  const impatient = new AbortController()
  const givenUp = turnstile.enter(impatient.signal)
  const waiting = turnstile.enter()
  impatient.abort(new Error('given up'))
  await t.rejects(givenUp, { message: 'given up' })
  leave()
  const next = await waiting
  next()
  await t.rejects(turnstile.enter(AbortSignal.abort(new Error('too late'))), { message: 'too late' })
})

t.test('one that stays too long does not keep the others out', async () => {
  const turnstile = createTurnstile(1, 1)
  await turnstile.enter()
  const leave = await turnstile.enter()
  leave()
})
