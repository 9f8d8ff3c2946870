import t from 'tap'
import { mayHold } from '../../../agent/core/authority.ts'
import { step } from '../../../agent/core/step.ts'
import { holdOf, openScene } from './scene.ts'

// What the compiler rules out is handed back as it came: nothing is decided on it.

t.test('an event of no known type', async (t) => {
  const { state } = openScene()
  const event = Object.assign({ type: 'link-closed' as const, link: 'c', atMs: 0 }, { type: 'other' })
  t.equal(step(state, event), event)
})

t.test('an authority of no known kind', async (t) => {
  const authority = Object.assign({ kind: 'gate' as const, resource: 'pg' }, { kind: 'other' })
  t.equal(mayHold(authority, holdOf('h1')), authority)
})
