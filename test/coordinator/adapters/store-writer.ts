import { openStore } from '../../../coordinator/adapters/sqlite-store.ts'
import { anEvent, aRollout, aRolloutSave, aRun } from './rollout-samples.ts'
import { aHold, aSave, bootA } from './store-samples.ts'

// Commits one hold after the other, with a run and an event of a rollout, until it is killed, and says each number once it is durable.
const [, , dir = ''] = process.argv
const store = openStore({ dir, boot: bootA, instance: 'c'.repeat(32) })
for (let at = store.loaded.claim.revision + 1; ; at += 1) {
  const claim = { ...store.loaded.claim, revision: at }
  const release = at % 3 === 0 ? [`hold-${at - 1}`] : []
  const hold = aHold({ id: `hold-${at}`, message: 'x'.repeat(at % 400) })
  const runs = [aRun({ hold: hold.id, attempt: at })]
  const rollouts = aRolloutSave({ put: at === 1 ? [aRollout()] : [], runs, events: [anEvent(at)] })
  store.commit(aSave({ claim, put: [hold], release, rollouts }))
  process.stdout.write(`${at}\n`)
}
