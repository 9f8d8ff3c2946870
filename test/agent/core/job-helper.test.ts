import t from 'tap'
import { asked, JobScene, job, jobScene, recordOf, results, upTo } from './job-scene.ts'
import { kinds, notes } from './scene.ts'

const other = 'f'.repeat(32)

t.test('a helper that brings nothing is started again, later each time', async (t) => {
  const scene = jobScene()
  t.strictSame(asked(scene.see(upTo('nothing'))), ['prefetch'])
  t.strictSame(asked(scene.see(upTo('nothing'), { running: 'prefetch' })), [], 'it is at it')
  const pauses: number[] = []
  for (let at = 0; at < 6; at += 1) {
    scene.see(upTo('nothing'))
    const fromMs = scene.nowMs
    while (asked(scene.see(upTo('nothing'))).length === 0) scene.nowMs += 500
    pauses.push(scene.nowMs - fromMs)
  }
  t.strictSame(pauses, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  t.match(scene.told().reason, /^prefetch: it brought no result; see journalctl -u io-guardian-rebuild@prefetch-/)
  scene.see(upTo('prefetch'))
  t.equal(scene.told().reason, '')
})

t.test('a start that systemd refuses is told in its words', async (t) => {
  const scene = jobScene()
  scene.see(upTo('nothing'))
  scene.see(upTo('nothing'), { refused: 'Access denied' })
  t.equal(scene.told().reason, 'prefetch: Access denied')
})

t.test('another order is not kept waiting for what failed before', async (t) => {
  const scene = jobScene({ want: 'active' })
  scene.see(upTo('prefetch'))
  scene.see(upTo('prefetch'))
  t.match(scene.told().reason, /^activate: /)
  scene.order({ want: 'reverted' })
  t.strictSame(asked(scene.see(upTo('prefetch'))), ['revert'])
})

t.test('a way back that failed is tried once more where somebody says so once more', async (t) => {
  const scene = jobScene({ want: 'reverted' })
  const stuck = upTo('exit', { revert: { ...results.revert, ok: false, reason: 'stuck' } })
  t.strictSame(asked(scene.see(stuck)), [])
  t.match(scene.told(), { is: 'revert-failed', reason: 'stuck' })
  scene.order({ want: 'reverted' })
  t.equal(scene.told().is, 'reverting')
  t.strictSame(asked(scene.see(stuck)), ['revert'])
  scene.see(upTo('exit'), { running: 'back' })
  t.equal(scene.told().is, 'reverting')
  t.strictSame(asked(scene.see(stuck)), [], 'once')
  t.equal(scene.told().is, 'revert-failed')
  scene.order({ want: 'reverted' })
  scene.see(stuck)
  scene.see(upTo('exit', { revert: results.revert }))
  t.equal(scene.told().is, 'reverted')
  scene.order({ want: 'reverted' })
  t.strictSame(asked(scene.see(upTo('exit', { revert: results.revert }))), [], 'what is back stays so')
})

t.test('a look of before the start says nothing', async (t) => {
  const scene = jobScene()
  scene.see(upTo('nothing'))
  t.strictSame(scene.see(upTo('prefetch'), { round: 0 }), [])
  t.equal(scene.told().is, 'prefetching')
  t.strictSame(scene.see(upTo('nothing'), {}, other), [], 'nor one at a job that is not here')
})

t.test('one action at a time, whatever the job; none before each job was looked at', async (t) => {
  const scene = new JobScene(new Map([job, other].map((id) => [id, recordOf({ job: id })])))
  t.strictSame(asked(scene.see(upTo('nothing'))), [], 'the other may be at it')
  t.strictSame(asked(scene.see(upTo('nothing'), {}, other)), ['prefetch'])
  t.strictSame(asked(scene.see(upTo('nothing'))), [])
  scene.see(upTo('nothing'), { running: 'prefetch' }, other)
  t.strictSame(asked(scene.see(upTo('nothing'))), [])
  scene.see(upTo('prefetch'), {}, other)
  t.strictSame(asked(scene.see(upTo('nothing'))), ['prefetch'])
})

t.test('a job is forgotten once the helper keeps nothing of it', async (t) => {
  const scene = jobScene({ want: 'forgotten' })
  t.strictSame(asked(scene.see(upTo('prefetch'))), ['forget'])
  t.strictSame(notes(scene.see(upTo('nothing'), { running: 'forget' })), ['job-turned'])
  scene.isFull = true
  scene.see(upTo('nothing'))
  t.ok(scene.disk.jobs.has(job), 'the disk refuses')
  scene.isFull = false
  scene.see(upTo('nothing'))
  t.notOk(scene.disk.jobs.has(job))
  t.equal(scene.state.rebuilds?.jobs.size, 0)
})

t.test('only what changes is told, and not the time that passes', async (t) => {
  const scene = jobScene({ want: 'active' })
  t.ok(kinds(scene.see(upTo('exit'), { deadManMs: 5_000 })).includes('report'))
  t.strictSame(scene.see(upTo('exit'), { deadManMs: 4_000 }), [])
  t.equal(scene.told().deadManMs, 4_000)
  t.strictSame(notes(scene.see(upTo('exit', { revert: results.revert }))), ['job-turned'])
})

t.test('on the coordinator’s own host it commits by itself once it is well', async (t) => {
  const scene = jobScene({ want: 'active', self: { agents: 3 } })
  const units = { failed: [], restarting: [], restarts: [] }
  t.strictSame(asked(scene.see(upTo('exit'))), [], 'nobody has looked at the units')
  t.strictSame(asked(scene.see(upTo('exit'), { units })), [], 'it is not settled')
  scene.nowMs = 10_000
  t.strictSame(asked(scene.see(upTo('exit'), { units: { ...units, failed: ['db.service'] } })), [])
  t.strictSame(asked(scene.see(upTo('exit'), { units })), ['commit'])
})
