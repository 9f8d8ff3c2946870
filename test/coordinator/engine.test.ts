import { join } from 'node:path'
import t from 'tap'
import { createClosers } from '../../coordinator/closers.ts'
import { loadCoordinatorConfig } from '../../coordinator/config.ts'
import { openEngine } from '../../coordinator/engine.ts'
import { createLog } from '../../daemon/log.ts'

t.test('a save that the store can never keep is a bug', async (t) => {
  const dir = t.testdir({ 'coordinator.json': JSON.stringify({ hosts: { web1: { address: '198.18.0.1' } } }) })
  const config = { ...(await loadCoordinatorConfig(join(dir, 'coordinator.json'))), stateDir: join(dir, 'state') }
  const bugs: unknown[] = []
  const onBug = (cause: unknown): void => void bugs.push(cause)
  const closers = createClosers(onBug)
  t.teardown(() => closers.close())
  const log = createLog({ name: 'test', level: 'silent' })
  const { loop } = openEngine({ config, boot: { id: 'b'.repeat(32), atMs: 0 }, log, onBug, closers })
  const request = { id: 'c'.repeat(32), operator: 'ann', selector: '*', message: '', dryRun: false }
  await loop.dispatch({ type: 'drain-asked', request, atMs: 0, wallMs: 0.5 })
  t.match(bugs, [{ code: 'SQLITE_CONSTRAINT_DATATYPE' }])
})
