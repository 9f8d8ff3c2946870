import t from 'tap'
import { job, newSystem, oldSystem, openRig } from './rig.ts'

t.test('a live switch, confirmed', async (t) => {
  const rig = await openRig(t)
  t.strictSame(await rig.helper(`prefetch-${job}`), { code: 0, err: '' })
  const { prefetch } = await rig.memory.results(job)
  t.match(prefetch, { system: newSystem, previous: oldSystem, action: 'live', blockers: [], bootOnce: true })
  t.strictSame(prefetch?.touches, ['app.service', 'database.service'])
  t.equal((await rig.helper(`activate-${job}`)).code, 0)
  await rig.switched()
  t.match((await rig.memory.results(job)).exit, { exit: 0, ok: true, cut: false })
  t.equal(await rig.runs(), newSystem)
  t.strictSame(await rig.helper(`commit-${job}`), { code: 0, err: '' })
  t.match((await rig.memory.results(job)).commit, { ok: true })
  t.equal(await rig.boot(), newSystem)
})
