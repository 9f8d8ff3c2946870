import { openStore } from '../../../coordinator/adapters/sqlite-store.ts'
import { aHold, aSave, bootA } from './store-samples.ts'

// Commits one hold after the other until it is killed, and says each number once it is durable.
const [, , dir = ''] = process.argv
const store = openStore({ dir, boot: bootA, instance: 'c'.repeat(32) })
for (let at = store.loaded.claim.revision + 1; ; at += 1) {
  const claim = { ...store.loaded.claim, revision: at }
  const release = at % 3 === 0 ? [`hold-${at - 1}`] : []
  store.commit(aSave({ claim, put: [aHold({ id: `hold-${at}`, message: 'x'.repeat(at % 400) })], release }))
  process.stdout.write(`${at}\n`)
}
