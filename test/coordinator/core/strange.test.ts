import t from 'tap'
import { step } from '../../../coordinator/core/step.ts'
import { openFleet } from './scene.ts'

// What the compiler rules out is handed back as it came: nothing is decided on it.

t.test('an event of no known type', async (t) => {
  const { state } = openFleet()
  const event = Object.assign({ type: 'tick' as const, atMs: 0, wallMs: 0 }, { type: 'other' })
  t.equal(step(state, event), event)
})

t.test('a message of no known type', async (t) => {
  const fleet = openFleet()
  const message = Object.assign({ type: 'pong' as const, nonce: 0 }, { type: 'other' })
  const event = { type: 'told' as const, host: 'a1', link: fleet.link('a1'), atMs: 0, wallMs: 0, message }
  t.equal(step(fleet.state, event), message)
})

t.test('an answer of no known outcome', async (t) => {
  const fleet = openFleet()
  fleet.drain('h1')
  const id = fleet.seat('a1').order?.command ?? ''
  const answer = { type: 'response' as const, id, outcome: 'ok' as const, message: '', units: [], report: null }
  fleet.tell('a1', Object.assign(answer, { outcome: 'other' }))
  t.equal(fleet.seat('a1').trouble, 'other')
})
