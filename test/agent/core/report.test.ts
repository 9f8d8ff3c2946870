import t from 'tap'
import { reportOf } from '../../../agent/core/report.ts'
import { limits } from '../../../protocol/limits.ts'
import { decodeAgentMessage } from '../../../protocol/v2.ts'
import type { Scene } from './scene.ts'
import {
  Scene as Bare,
  claimOf,
  dependentOf,
  drainedScene,
  holdOf,
  kinds,
  openScene,
  responses,
  spec,
  target,
  unitOf,
  viewOf,
} from './scene.ts'

const only = (scene: Scene) => {
  const [report] = reportOf(scene.state).targets
  if (report === undefined) throw new Error('no target reported')
  return report
}

/** What the coordinator's decoder says to it, and how large it is. */
function onWire(scene: Scene): number {
  const text = JSON.stringify(reportOf(scene.state))
  decodeAgentMessage(text)
  return Buffer.byteLength(text)
}

t.test('an open host', async (t) => {
  const scene = openScene()
  t.strictSame(reportOf(scene.state), {
    type: 'report',
    seen: claimOf(),
    targets: [
      {
        target,
        is: 'open',
        holds: [],
        durable: true,
        allowed: false,
        dependents: [{ unit: 'app.service', active: 'active', guarded: true, processes: 0 }],
        dependentsLeftOut: 0,
        waitingFor: '',
        failed: [],
        breaches: 0,
      },
    ],
    probes: [{ resource: 'pg', ok: true, reason: '' }],
  })
})

t.test('what a released target waits for', async (t) => {
  const scene = drainedScene({ specs: [{ ...spec, needs: ['pg', 'redis'] }] })
  t.equal(only(scene).waitingFor, '', 'a held one waits for its holds')
  scene.probe(false)
  scene.undrain('c', ['h1'], { allow: false })
  t.equal(only(scene).waitingFor, 'pg: connection refused; redis: not probed yet')
  scene.probe(true)
  scene.probe(true, 'redis')
  t.equal(only(scene).waitingFor, 'the coordinator')
  scene.view({ ...viewOf(scene.duty().round, 'inactive'), target: unitOf('inactive', { job: 'stop' }) })
  t.equal(only(scene).waitingFor, 'the stop to end')
  scene.undrain('c', [], { allow: true })
  scene.view(viewOf(scene.duty().round, 'inactive'))
  t.equal(only(scene).waitingFor, '')
  scene.tick()
  t.equal(only(scene).waitingFor, '', 'it opens')
})

t.test('what an undecided target waits for', async (t) => {
  const scene = new Bare()
  t.equal(only(scene).waitingFor, 'pg: not probed yet')
  scene.probe(true)
  t.equal(only(scene).waitingFor, 'the coordinator, which has no link here')
  scene.greet('c')
  t.equal(only(scene).waitingFor, 'the coordinator')
  scene.undrain('c', [])
  t.equal(only(scene).waitingFor, 'systemd', 'nothing was seen')
})

t.test('where no coordinator is expected, none is waited for', async (t) => {
  const scene = new Bare({ policy: { expectCoordinator: false } })
  scene.probe(true)
  t.equal(only(scene).waitingFor, 'systemd')
})

t.test('what a target that opens waits for', async (t) => {
  const scene = drainedScene()
  scene.undrain('c', ['h1'])
  scene.tick()
  const { round } = scene.duty()
  scene.probe(false)
  t.equal(only(scene).waitingFor, 'pg: connection refused', 'it was not started, and is not again')
  scene.view(viewOf(round, 'activating'))
  t.equal(only(scene).waitingFor, '', 'it starts')
  scene.view(viewOf(round, 'active', dependentOf('activating')))
  t.equal(only(scene).waitingFor, '', 'only its dependents are missing')
  scene.view(viewOf(round, 'inactive'))
  scene.probe(true)
  t.equal(only(scene).waitingFor, '', 'it is started again soon')
  scene.state = { ...scene.state, duties: new Map([[target, { ...scene.duty(), view: null }]]) }
  t.equal(only(scene).waitingFor, 'systemd')
})

t.test('what a target that somebody else stopped waits for, once it may open', async (t) => {
  const scene = openScene()
  scene.view(viewOf(0, 'inactive'))
  scene.tick()
  scene.probe(false)
  t.equal(only(scene).waitingFor, '', 'it is left alone')
  scene.undrain('c', [])
  t.equal(only(scene).waitingFor, 'pg: connection refused')
  scene.probe(true)
  t.equal(only(scene).waitingFor, '')
})

t.test('units that still run are shown first, and the rest is counted', async (t) => {
  const scene = openScene()
  const many = Array.from({ length: 300 }, (_, at) => dependentOf('inactive', { unit: `u${at}.service` }))
  scene.view(viewOf(0, 'active', ...many, dependentOf('deactivating', { unit: 'slow.service' })))
  const { dependents, dependentsLeftOut } = only(scene)
  t.equal(dependents[0]?.unit, 'slow.service')
  t.equal(dependents.length, limits.dependentsMax)
  t.equal(dependentsLeftOut, 101)
})

t.test('the words of a probe are cut, and cannot draw on a terminal', async (t) => {
  const scene = openScene()
  scene.probe(false, 'pg', `refused\n\u001b[31m${'x'.repeat(2_000)}`)
  t.match(only(scene).waitingFor, '')
  t.match(reportOf(scene.state).probes[0]?.reason, /^refused {2}\[31mxx/)
  t.equal(reportOf(scene.state).probes[0]?.reason.length, limits.messageLength)
  onWire(scene)
})

t.test('more resources than a report may name', async (t) => {
  const scene = openScene()
  for (let at = 0; at < 70; at += 1) scene.probe(false, `r${at}`, 'no '.repeat(200))
  t.equal(reportOf(scene.state).probes.length, limits.probesMax)
  t.ok(onWire(scene) < 12_000)
})

t.test('a few holds are told whole', async (t) => {
  const scene = drainedScene({}, [holdOf('h1')])
  t.strictSame(only(scene).holds, [holdOf('h1')])
})

/** As much as the wire's own limits let a host carry. */
function crowded(targets: number, letter = 'x'): Scene {
  const specs = Array.from({ length: targets }, (_, at) => ({ ...spec, name: `t${at}`, unit: `t${at}.target` }))
  const holds = Array.from({ length: 70 }, (_, at) => ({
    ...holdOf(`${at}`.padStart(32, '0')),
    message: letter.repeat(500),
    except: Array.from({ length: 100 }, (_, host) => `host-number-${host}`),
  }))
  const scene = new Bare({
    specs,
    records: Object.fromEntries(
      specs.map(({ name }) => [name, { marker: holds.slice(0, 70 / targets), opening: null }]),
    ),
  })
  for (const { name } of specs) {
    const units = Array.from({ length: 200 }, (_, at) =>
      dependentOf('failed', { unit: `${'u'.repeat(200)}${at}.service` }),
    )
    scene.view(viewOf(0, 'failed', ...units), name)
  }
  for (let at = 0; at < limits.probesMax; at += 1) scene.probe(false, `r${at}`, letter.repeat(500))
  return scene
}

for (const [targets, letter] of [
  [1, 'x'],
  [1, 'ü'],
  [8, 'x'],
] as const) {
  t.test(`a report of ${targets} crowded targets fits into a frame, told in ${letter}`, async (t) => {
    const scene = crowded(targets, letter)
    t.ok(onWire(scene) <= limits.frameBytes)
    const { holds, dependents, dependentsLeftOut, failed } = only(scene)
    t.equal(holds.length, Math.min(limits.holdsMax, Math.floor(70 / targets)), 'every hold is told')
    t.equal(holds[0]?.message, '')
    t.strictSame(holds[0]?.except, [])
    t.ok(dependents.length > 0 && dependents.length + dependentsLeftOut === 200)
    t.ok(failed.length > 0)
  })
}

t.test('so does an answer', async (t) => {
  const scene = crowded(1)
  scene.greet('c')
  scene.drain('c', [holdOf('h1')], { target: 't0', limitMs: 0 })
  const [answer] = responses(scene.tick(0, 't0'))
  t.equal(answer?.outcome, 'deadline')
  t.ok(Buffer.byteLength(JSON.stringify(answer)) <= limits.frameBytes)
})

t.test('a report goes out with every change that it tells of', async (t) => {
  const scene = openScene()
  t.ok(kinds(scene.view(viewOf(0, 'active'))).includes('report'), 'a view')
  t.ok(kinds(scene.probe(false)).includes('report'), 'a probe')
  t.notOk(kinds(scene.probe(false)).includes('report'), 'the same again is no change')
  t.ok(kinds(scene.probe(false, 'pg', 'timed out')).includes('report'), 'another reason')
  scene.undrain('c', [])
  t.ok(kinds(scene.effects).includes('report'), 'a permission')
  scene.drain('c', [holdOf('h1')])
  t.ok(kinds(scene.effects).includes('report'), 'a hold')
})
