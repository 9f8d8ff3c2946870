import t from 'tap'
import { Site } from './site.ts'

t.test('two hosts are rebuilt: prepared, drained, switched, judged, opened and committed', async (t) => {
  const site = new Site().plan()
  t.equal(site.is, 'planned')
  t.equal(site.runs, 'a1 ready, b1 ready')
  site.start()
  t.equal(site.runs, 'a1 done, b1 done')
  t.equal(site.is, 'succeeded')
  t.strictSame(site.machine('a1').wants, ['prefetched', 'baselined', 'active', 'committed'])
  t.strictSame(site.machine('a1').holds, [])
})
