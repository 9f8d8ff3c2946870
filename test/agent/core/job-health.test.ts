import t from 'tap'
import type { Job, UnitSight } from '../../../agent/core/job.ts'
import { isMoving, wantedLogs, wantedProbes, wantsUnits } from '../../../agent/core/job-watch.ts'
import { reportOf } from '../../../agent/core/report.ts'
import { limits } from '../../../protocol/limits.ts'
import type { JobBaseline, JobResults } from '../../../protocol/rebuild.ts'
import type { JobCommand } from '../../../protocol/v2/job.ts'
import { baseline, JobScene, job, jobScene, quietUnits, recordOf, results, upTo } from './job-scene.ts'
import { bootId, dependentOf, holdOf, kinds, target, twin, viewOf } from './scene.ts'

/** A job that is active on a host whose target is open. */
function open(kept: JobBaseline = baseline): JobScene {
  const scene = jobScene({ want: 'active' }, kept)
  scene.state = {
    ...scene.state,
    duties: new Map(
      [...scene.state.duties].map(([name, duty]) => [
        name,
        { ...duty, record: { marker: null, opening: { bootId, is: 'open' as const } } },
      ]),
    ),
  }
  scene.view(viewOf(0, 'active', dependentOf('active')))
  return scene
}

function seen(scene: JobScene, units: Partial<UnitSight>, atMs = scene.nowMs): void {
  scene.nowMs = atMs
  scene.see(upTo('exit'), { units: { ...quietUnits, ...units } })
}

t.test('no health before the new system runs', async (t) => {
  const scene = open()
  for (const found of [upTo('prefetch'), upTo('exit', { exit: { ...results.exit, ok: false } })]) {
    scene.see(found, { units: quietUnits })
    t.equal(scene.told().health, null)
  }
  scene.see(upTo('exit'))
  t.equal(scene.told().health, null, 'nor without a look')
})

t.test('back where it was, a host is judged like before', async (t) => {
  const scene = open()
  const back = (more: Partial<UnitSight>, atMs: number, found: Partial<JobResults> = {}): void => {
    scene.nowMs = atMs
    scene.see(upTo('exit', { revert: { ...results.revert, atMs: 50_000 }, ...found }), {
      units: { ...quietUnits, ...more },
    })
  }
  seen(scene, { restarts: [['web.service', 0]] }, 40_000)
  seen(scene, { restarts: [['web.service', 5]] }, 41_000)
  t.strictSame(scene.told().health?.looping, ['web.service'])
  back({ failed: ['new.service'], restarts: [['web.service', 5]] }, 51_000)
  t.match(scene.told().health, { settled: false, failed: ['new.service'], looping: [] })
  t.ok(isMoving(scene.state, jobOf(scene)), 'it is looked at often until it is settled')
  back({}, 60_000)
  t.match(scene.told().health, { settled: true, failed: [] })
  t.notOk(isMoving(scene.state, jobOf(scene)))
  t.ok(wantsUnits(scene.state, jobOf(scene)))
  back({}, 60_000, { revert: { ...results.revert, ok: false } })
  t.equal(scene.told().health, null, 'where it is not back there is nothing to judge')
  back({}, 60_000, { activation: null })
  t.equal(scene.told().health, null, 'nor where it never was away')
})

t.test('a host that was restarted is settled some time after it was first looked at', async (t) => {
  const scene = open()
  const reverted = upTo('exit', { revert: { ...results.revert, bootId: twin, atMs: 900_000 } })
  for (const [atMs, settled] of [
    [5_000, false],
    [14_999, false],
    [15_000, true],
  ] as const) {
    scene.nowMs = atMs
    scene.see(reverted, { units: quietUnits })
    t.equal(scene.told().health?.settled, settled, `${atMs}`)
  }
})

function jobOf(scene: JobScene): Job {
  const [found] = scene.state.rebuilds?.jobs.values() ?? []
  if (found === undefined) throw new Error('there is no job')
  return found
}

t.test('settled after its time', async (t) => {
  const scene = open()
  seen(scene, {}, 9_999)
  t.equal(scene.told().health?.settled, false)
  seen(scene, {}, 10_000)
  t.equal(scene.told().health?.settled, true)
})

t.test('failed is what had not failed before', async (t) => {
  const scene = open({ ...baseline, failed: ['old.service'], restarting: ['flap.service'] })
  const own = [`guardian-switch-${job}.service`, `io-guardian-rebuild@commit-${job}.service`]
  seen(scene, { failed: ['old.service', 'flap.service', 'new.service', 'app.service', ...own] })
  t.strictSame(scene.told().health?.failed, ['new.service', 'app.service'])
})

t.test('what a drain did to a dependent is no fault of the system', async (t) => {
  const scene = open()
  scene.drain('c', [holdOf('h1')])
  seen(scene, { failed: ['app.service', 'new.service'] })
  t.strictSame(scene.told().health?.failed, ['new.service'])
})

t.test('missing is what was active in a target and is not any more', async (t) => {
  const scene = open()
  seen(scene, {})
  t.strictSame(scene.told().health?.missing, [])
  scene.view(viewOf(0, 'active', dependentOf('failed')))
  t.strictSame(scene.told().health?.missing, ['app.service'])
})

t.test('the baseline names the dependents that their target starts', async (t) => {
  const scene = open()
  const timed = dependentOf('active', { unit: 'timed.service', wanted: false })
  const down = dependentOf('inactive', { unit: 'down.service' })
  scene.view(viewOf(0, 'active', dependentOf('active'), timed, down))
  scene.state = {
    ...scene.state,
    rebuilds: new JobScene(new Map([[job, recordOf({ want: 'active' }, null)]])).state.rebuilds,
  }
  scene.see(upTo('prefetch'), { units: quietUnits })
  t.strictSame(scene.disk.jobs.get(job)?.baseline?.active, ['app.service'])
  t.equal(scene.state.duties.get(target)?.view?.dependents.length, 3)
})

t.test('looping is what is started again twice, and not long ago', async (t) => {
  const scene = open({ ...baseline, restarting: ['flap.service'] })
  const restarts = (web: number, flap = web): UnitSight['restarts'] => [
    ['web.service', web],
    ['flap.service', flap],
  ]
  seen(scene, { restarts: restarts(5) }, 1_000)
  seen(scene, { restarts: restarts(6) }, 2_000)
  t.strictSame(scene.told().health?.looping, [], 'once may happen')
  seen(scene, { restarts: restarts(7) }, 3_000)
  t.strictSame(scene.told().health?.looping, ['web.service'])
  seen(scene, { restarts: restarts(7) }, 32_999)
  t.strictSame(scene.told().health?.looping, ['web.service'])
  seen(scene, { restarts: restarts(7) }, 33_000)
  t.strictSame(scene.told().health?.looping, [], 'it has come to rest')
})

t.test('a count that systemd begins anew goes on here', async (t) => {
  const scene = open()
  seen(scene, { restarts: [['web.service', 5]] }, 1_000)
  seen(
    scene,
    {
      restarts: [
        ['web.service', 1],
        ['late.service', 2],
      ],
    },
    2_000,
  )
  t.strictSame(scene.told().health?.looping, ['late.service'])
  seen(scene, { restarts: [['web.service', 2]] }, 3_000)
  t.strictSame(scene.told().health?.looping, ['web.service'])
})

t.test('probes of the agent’s own', async (t) => {
  const scene = open()
  seen(scene, {})
  const probed = (ok: boolean, reason: string, id = job) =>
    scene.send({ type: 'job-probed', job: id, name: 'app', ok, reason })
  t.strictSame(kinds(probed(false, 'status 500\n')), ['report'])
  t.strictSame(kinds(probed(false, 'status 500 ')), [], 'the same again')
  t.strictSame(scene.told().health?.probes, [{ name: 'app', ok: false, reason: 'status 500 ' }])
  t.strictSame(probed(true, 'status 200', 'f'.repeat(32)), [])
})

t.test('which probes are asked', async (t) => {
  const probes: JobCommand['probes'] = [
    { name: 'web', probe: { http: 'http://a/', from: 'agent', when: 'drained' } },
    { name: 'far', probe: { http: 'http://a/', from: 'coordinator', when: 'drained' } },
    { name: 'unit', probe: { unit: 'a.service', when: 'serving' } },
    { name: 'exec', probe: { exec: ['true'], when: 'serving' } },
  ]
  const scene = jobScene({ want: 'active', probes })
  scene.see(upTo('activation'))
  t.strictSame(wantedProbes(scene.state), [])
  scene.see(upTo('exit'))
  t.strictSame(
    wantedProbes(scene.state).map(({ name }) => name),
    ['web', 'unit'],
  )
  scene.see(upTo('exit', { revert: results.revert }))
  t.strictSame(wantedProbes(scene.state), [])
  t.strictSame(wantedProbes({ ...scene.state, rebuilds: null }), [])
})

t.test('when units are read along', async (t) => {
  const is = (scene: JobScene, found: JobResults): boolean => {
    scene.see(found)
    return wantsUnits(scene.state, jobOf(scene))
  }
  t.notOk(is(jobScene({ want: 'baselined' }, null), upTo('nothing')))
  t.ok(is(jobScene({ want: 'baselined' }, null), upTo('prefetch')))
  t.notOk(is(jobScene({ want: 'baselined' }), upTo('prefetch')))
  t.ok(is(jobScene({ want: 'active' }), upTo('exit')))
})

t.test('which logs are read, how far, and for whom', async (t) => {
  const scene = jobScene({ want: 'active' })
  const logs = () =>
    wantedLogs(scene.state).map(({ link, hasPlan, journal, after }) => [link, hasPlan, journal, after.switch])
  t.strictSame(logs(), [], 'nobody has asked on this link')
  scene.order({ want: 'active', logAfter: { plan: null, switch: 's1' } })
  t.strictSame(logs(), [['c', false, 'none', 's1']])
  scene.see(upTo('prefetch'))
  t.strictSame(logs(), [['c', true, 'none', 's1']])
  scene.see(upTo('activation'))
  t.strictSame(logs(), [['c', true, 'follow', 's1']])
  scene.order({ want: 'active', logAfter: { plan: null, switch: 's2' } })
  t.strictSame(logs(), [['c', true, 'follow', 's1']], 'on the same link it goes on as it began')
  scene.greet('d')
  t.strictSame(logs(), [], 'the link is gone')
  scene.order({ want: 'active', logAfter: { plan: null, switch: 's3' } }, 'd')
  t.strictSame(logs(), [['d', true, 'follow', 's3']])
  scene.see(upTo('commit'))
  t.strictSame(logs(), [['d', true, 'rest', 's3']])
  scene.see(upTo('nothing', { revert: results.revert }))
  t.strictSame(logs(), [['d', false, 'rest', 's3']])
  t.strictSame(wantedLogs({ ...scene.state, rebuilds: null }), [])
})

t.test('what rests is looked at seldom', async (t) => {
  const is = (more: Partial<JobCommand>, found: JobResults): boolean => {
    const scene = jobScene(more)
    scene.see(found)
    const [one] = scene.state.rebuilds?.jobs.values() ?? []
    return one !== undefined && isMoving(scene.state, one)
  }
  const failed = { ...results.revert, ok: false }
  const blocked = { ...results.prefetch, rebootReasons: [], touches: [], blockers: ['x'] }
  t.ok(is({ want: 'active' }, upTo('exit')))
  t.notOk(is({ want: 'committed' }, upTo('commit')))
  t.notOk(is({ want: 'active' }, upTo('exit', { revert: results.revert })))
  t.notOk(is({ want: 'active' }, upTo('exit', { revert: failed })))
  t.notOk(is({ want: 'active' }, upTo('prefetch', { prefetch: blocked })))
  t.ok(is({ want: 'forgotten' }, upTo('commit')))
})

t.test('as many jobs and texts as there may be fit into a frame', async (t) => {
  const ids = [1, 2, 3].map((each) => `${each}`.repeat(32))
  const many = Array.from({ length: 200 }, (_, at) => `${'u'.repeat(200)}${at}.service`)
  const texts = Array.from({ length: 16 }, () => 'ü'.repeat(500))
  const scene = new JobScene(
    new Map(ids.map((id) => [id, recordOf({ job: id, want: 'active' }, { ...baseline, active: many })])),
  )
  for (const id of ids) {
    const prefetch = { ...results.prefetch, rebootReasons: texts, touches: many, blockers: texts }
    scene.see(upTo('exit', { prefetch }), { units: { ...quietUnits, failed: many } }, id)
    for (let at = 0; at < 32; at += 1)
      scene.send({ type: 'job-probed', job: id, name: `p${at}`, ok: false, reason: 'ü'.repeat(500) })
  }
  scene.order({ job: 'f'.repeat(32) })
  t.ok(Buffer.byteLength(JSON.stringify(reportOf(scene.state))) <= limits.frameBytes)
  t.ok((reportOf(scene.state).jobs?.[0]?.touches.length ?? 0) > 0)
})
