import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Dependent } from '../../hosts/graph.ts'
import type { Manager } from '../../hosts/manager.ts'
import { until } from '../../hosts/until.ts'
import { dependentIn, isQuiet, isUp, openUnitsRig, target, unitIn } from './units-rig.ts'

const top = `${target}.target`
const graph = (dependents: readonly Dependent[]) => async (host: Manager) => {
  await host.writeGraph({ target, dependents })
  await host.systemctl('start', top)
}

t.test('everything that hangs on the target is found, at any level, guarded or not', async (t) => {
  await using rig = await openUnitsRig({
    prepare: async (host) => {
      await host.writeUnit('part.service', `[Unit]\nPartOf=${top}\n[Service]\nExecStart=/bin/sleep infinity\n`)
      await host.writeUnit(
        'bound.service',
        `[Unit]\nBindsTo=${top}\nAfter=${top}\n[Service]\nExecStart=/bin/sleep infinity\n`,
      )
      await host.writeUnit('beside.service', '[Service]\nExecStart=/bin/sleep infinity\n')
      await graph([
        { unit: 'app.service' },
        { unit: 'deep.service', on: 'app.service' },
        {
          unit: 'deeper.timer',
          on: 'deep.service',
          lines: ['OnCalendar=2038-01-01', 'Unit=app.service'],
          wanted: false,
        },
        { unit: 'loose.service', unguarded: true, wanted: false },
        { unit: 'under-loose.service', on: 'loose.service', wanted: false },
      ])(host)
      await host.systemctl(
        'start',
        'part.service',
        'bound.service',
        'beside.service',
        'loose.service',
        'under-loose.service',
        'deeper.timer',
      )
    },
  })
  const view = await rig.seen('all', ({ dependents }) => dependents.length > 0)
  const rows = view.dependents.map(({ unit, guarded, wanted, active }) => `${unit} ${guarded} ${wanted} ${active}`)
  t.strictSame(rows.sort(), [
    'app.service true true active',
    'bound.service true false active',
    'deep.service true true active',
    'deeper.timer true false active',
    'loose.service false false active',
    'part.service false false active',
    'under-loose.service false false active',
  ])
  t.equal(view.round, 0)
})

t.test('a stop is over when the last level is, not when the target is', async (t) => {
  await using rig = await openUnitsRig({
    prepare: graph([
      { unit: 'app.service' },
      { unit: 'slow.service', on: 'app.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 3'] },
    ]),
  })
  await rig.seen('up', isUp)
  rig.units.stop(target, 4)
  const stopping = await rig.seen(
    'the slow one stops',
    (view) => unitIn(view, 'slow.service')?.active === 'deactivating' && view.round === 4,
  )
  t.notOk(isQuiet(stopping, 4))
  t.equal(unitIn(stopping, 'app.service')?.active, 'active', 'what it hangs on waits for it')
  await rig.seen('quiet', (view) => isQuiet(view, 4))
  for (const unit of [top, 'app.service', 'slow.service']) t.equal(await rig.host.show(unit, 'ActiveState'), 'inactive')
  for (const view of rig.views.filter(({ round }) => round === 4)) {
    if (unitIn(view, 'slow.service')?.active !== 'inactive') t.notOk(isQuiet(view, 4))
  }
})

t.test('no view of a round shows what was so before its stop', async (t) => {
  await using rig = await openUnitsRig({ prepare: graph([{ unit: 'app.service' }]) })
  await rig.seen('up', isUp)
  for (let round = 1; round <= 20; round += 1) {
    rig.units.stop(target, round)
    await rig.seen('quiet', (view) => isQuiet(view, round))
    t.equal(await rig.host.show('app.service', 'ActiveState'), 'inactive')
    rig.units.start(target)
    await rig.seen('up again', (view) => isUp(view) && unitIn(view, 'app.service')?.active === 'active')
  }
  t.equal(await rig.host.show('app.service', 'ActiveState'), 'active', 'twenty starts met no start limit')
})

t.test('one that ends failed is seen as such, and started again', async (t) => {
  await using rig = await openUnitsRig({
    prepare: graph([{ unit: 'app.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStopPost=/bin/false'] }]),
  })
  await rig.seen('up', isUp)
  rig.units.stop(target, 1)
  await rig.seen(
    'failed',
    (view) => view.round === 1 && unitIn(view, 'app.service')?.active === 'failed' && view.target.active === 'inactive',
  )
  rig.units.start(target)
  await rig.seen('up again', (view) => isUp(view) && unitIn(view, 'app.service')?.active === 'active')
  t.equal(await rig.host.show('app.service', 'Result'), 'success')
})

t.test('processes that a stop leaves behind are counted until they are gone', async (t) => {
  await using rig = await openUnitsRig({
    prepare: graph([
      {
        unit: 'app.service',
        lines: [
          'KillMode=process',
          'ExecStart=/bin/sh -c "sleep 1000 & sleep 1000 & echo $$! >%h/child; exec sleep 1000"',
        ],
      },
    ]),
  })
  await rig.seen('up', (view) => isUp(view) && unitIn(view, 'app.service')?.processes === 3)
  const child = join(rig.host.root, 'home/child')
  const pid = await until(
    'the child is named',
    async () => Number(await readFile(child, 'utf8').catch(() => '')) || false,
  )
  rig.units.stop(target, 1)
  const left = await rig.seen(
    'two are left',
    (view) => view.round === 1 && unitIn(view, 'app.service')?.active === 'inactive',
  )
  t.equal(unitIn(left, 'app.service')?.processes, 2)
  process.kill(pid, 'SIGKILL')
  await rig.seen('one is left', (view) => unitIn(view, 'app.service')?.processes === 1)
  rig.units.stop(target, 2)
  await rig.seen('still one', (view) => view.round === 2 && unitIn(view, 'app.service')?.processes === 1)
})

t.test('a dependent configured by name is stopped as well, with all that hangs on it', async (t) => {
  await using rig = await openUnitsRig({
    dependents: ['extra.service', 'unknown.service'],
    prepare: async (host) => {
      await host.writeUnit('extra.service', '[Service]\nExecStart=/bin/sleep infinity\n')
      await host.writeUnit(
        'under.service',
        '[Unit]\nRequires=extra.service\nAfter=extra.service\n[Service]\nExecStart=/bin/sleep infinity\n',
      )
      await graph([{ unit: 'app.service' }])(host)
      await host.systemctl('start', 'extra.service', 'under.service')
    },
  })
  const view = await rig.seen('all', ({ dependents }) => dependents.length > 0)
  t.strictSame(view.dependents.map(({ unit }) => unit).sort(), [
    'app.service',
    'extra.service',
    'under.service',
    'unknown.service',
  ])
  t.equal(unitIn(view, 'unknown.service')?.active, 'inactive')
  rig.units.stop(target, 1)
  await rig.seen('quiet', (each) => isQuiet(each, 1))
  for (const unit of ['extra.service', 'under.service']) t.equal(await rig.host.show(unit, 'ActiveState'), 'inactive')
})

t.test('a start is refused while a stop goes on; a stop that was cancelled is seen', async (t) => {
  await using rig = await openUnitsRig({
    prepare: graph([{ unit: 'app.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 2'] }]),
  })
  await rig.seen('up', isUp)
  rig.units.stop(target, 1)
  await rig.seen('it stops', (view) => view.round === 1 && unitIn(view, 'app.service')?.active === 'deactivating')
  t.not((await rig.host.tried('start', 'app.service')).code, 0)
  t.not((await rig.host.tried('restart', top)).code, 0)
  await rig.host.systemctl('cancel')
  await rig.seen(
    'no job is left',
    (view) => view.round === 1 && view.target.job === 'none' && unitIn(view, 'app.service')?.job === 'none',
  )
  rig.units.stop(target, 2)
  await rig.seen('quiet', (view) => isQuiet(view, 2))
})

t.test('a unit that is loaded later and hangs on the target is seen when it runs', async (t) => {
  await using rig = await openUnitsRig({ prepare: graph([{ unit: 'app.service' }]) })
  await rig.seen('up', isUp)
  rig.units.stop(target, 1)
  await rig.seen('quiet', (view) => isQuiet(view, 1))
  await rig.host.writeUnit('late.service', `[Unit]\nPartOf=${top}\n[Service]\nExecStart=/bin/sleep infinity\n`)
  await rig.host.systemctl('start', 'late.service')
  const view = await rig.seen('the late one', (each) => unitIn(each, 'late.service')?.active === 'active')
  t.equal(dependentIn(view, 'late.service')?.guarded, false)
  t.equal(view.round, 1)
  t.notOk(isQuiet(view, 1))
  rig.units.stop(target, 2)
  await rig.seen('quiet again', (each) => isQuiet(each, 2))
})

t.test('dependencies that a reload changes are seen', async (t) => {
  await using rig = await openUnitsRig({ prepare: graph([{ unit: 'app.service' }]) })
  await rig.seen('up', isUp)
  await rig.host.writeUnit(
    'new.service',
    `[Unit]\nRequires=${top}\nAfter=${top}\n[Service]\nExecStart=/bin/sleep infinity\n`,
  )
  await rig.host.daemonReload()
  await rig.host.systemctl('start', 'new.service')
  const view = await rig.seen('the new one', (each) => unitIn(each, 'new.service')?.active === 'active')
  t.equal(dependentIn(view, 'new.service')?.guarded, true)
})

t.test('a running unit that hangs on the target no more keeps no later drain waiting', async (t) => {
  await using rig = await openUnitsRig({ prepare: graph([{ unit: 'app.service' }, { unit: 'web.service' }]) })
  await rig.seen('up', (view) => isUp(view) && dependentIn(view, 'web.service') !== undefined)
  await rig.host.writeUnit('web.service', '[Service]\nExecStart=/bin/sleep infinity\n')
  await rig.host.daemonReload()
  rig.units.stop(target, 1)
  const view = await rig.seen('quiet', (each) => isQuiet(each, 1))
  t.equal(dependentIn(view, 'web.service'), undefined)
  t.equal(await rig.host.show('web.service', 'ActiveState'), 'active')
})

t.test('one that is let go in the middle of its stop is waited for', async (t) => {
  await using rig = await openUnitsRig({
    prepare: graph([
      { unit: 'app.service' },
      { unit: 'slow.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 2'] },
    ]),
  })
  await rig.seen('up', isUp)
  rig.units.stop(target, 1)
  await rig.seen('it stops', (view) => view.round === 1 && unitIn(view, 'slow.service')?.active === 'deactivating')
  await rig.host.writeUnit('slow.service', '[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 2\n')
  await rig.host.daemonReload()
  rig.units.stop(target, 2)
  await rig.seen('quiet', (view) => isQuiet(view, 2))
  t.equal(await rig.host.show('slow.service', 'ActiveState'), 'inactive')
})

t.test('systemd may execute itself anew in the middle of a stop', async (t) => {
  await using rig = await openUnitsRig({
    prepare: graph([{ unit: 'app.service', lines: ['ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 3'] }]),
  })
  await rig.seen('up', isUp)
  const states: boolean[] = []
  rig.bus.onConnection((connected) => states.push(connected))
  rig.units.stop(target, 1)
  await rig.seen('it stops', (view) => view.round === 1 && unitIn(view, 'app.service')?.active === 'deactivating')
  await rig.host.systemctl('daemon-reexec')
  await until('the bus is back', () => states.at(-1) === true)
  t.strictSame(states, [false, true])
  await rig.seen('quiet', (view) => isQuiet(view, 1))
  t.equal(await rig.host.show('app.service', 'ActiveState'), 'inactive')
})

t.test('a target without a unit file is missing, is taken for stopped, and may appear later', async (t) => {
  await using rig = await openUnitsRig({ prepare: async () => {} })
  await rig.seen('nothing', ({ target: each }) => each.active === 'inactive')
  t.strictSame(rig.units.missing(), [target])
  rig.units.stop(target, 1)
  await rig.seen('quiet', (view) => isQuiet(view, 1))
  rig.units.start(target)
  await graph([{ unit: 'app.service' }])(rig.host)
  await rig.seen('it is there', (view) => isUp(view) && unitIn(view, 'app.service')?.active === 'active')
  t.strictSame(rig.units.missing(), [])
})

t.test('a target that systemd keeps nothing of is started with all that it wants', async (t) => {
  await using rig = await openUnitsRig({
    prepare: async (host) => {
      await host.writeUnit(top, '[Unit]\nWants=app.service\n')
      await host.writeUnit(
        'app.service',
        `[Unit]\nRequires=${top}\nAfter=${top}\n[Service]\nType=notify\nExecStart=/bin/sh -c "sleep 1; systemd-notify --ready; exec sleep infinity"\nNotifyAccess=all\n`,
      )
      await host.daemonReload()
    },
  })
  const view = await rig.seen('nothing', ({ target: each }) => each.active === 'inactive')
  t.equal(view.dependents.length, 0)
  rig.units.start(target)
  const up = await rig.seen('up', isUp)
  t.equal(unitIn(up, 'app.service')?.active, 'active', 'not up before what it wants is')
})

t.test('a hold that comes right after a start wins', async (t) => {
  await using rig = await openUnitsRig({ prepare: graph([{ unit: 'app.service' }]) })
  await rig.seen('up', isUp)
  rig.units.stop(target, 1)
  await rig.seen('quiet', (view) => isQuiet(view, 1))
  rig.units.start(target)
  rig.units.stop(target, 2)
  await rig.seen('quiet again', (view) => isQuiet(view, 2))
  t.equal(await rig.host.show('app.service', 'ActiveState'), 'inactive')
})
