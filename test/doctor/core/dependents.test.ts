import t from 'tap'
import { dependentFindings } from '../../../doctor/core/dependents.ts'
import type { TargetFacts } from '../../../doctor/core/target.ts'
import type { UnitFacts } from '../../../doctor/core/unit.ts'
import { good, guarded, marker, target, targetUnit, top, unit, unitsOf, waitService, waitUnit } from './shapes.ts'

const beside = (...units: readonly UnitFacts[]) => ({ units: unitsOf(...good, ...units) })
const wanting = (wants: readonly string[], ...units: readonly UnitFacts[]) =>
  beside(...units, { ...targetUnit, wants: ['app.service', ...wants] })
const app = 'app.service'
const head = '# As "guardian doctor" has it, removed by "guardian uninstall agent".'
/** As a boot is: the target waits for what sockets come before. */
const boot = [{ ...waitService, after: ['basic.target'] }, unit('basic.target', { after: ['sockets.target'] })]

const rows: readonly [name: string, facts: Partial<TargetFacts>, found: readonly string[], says?: RegExp][] = [
  ['nothing is wrong', {}, []],
  ['of a target that is not there', { units: unitsOf() }, []],
  [
    'no dependents',
    { units: unitsOf({ ...targetUnit, wants: [] }, waitService) },
    ['warning no-dependents'],
    /nothing hangs on io-databases\.target/,
  ],
  [
    'required without an order',
    beside(unit(app, { requires: [top], assertsAbsent: [marker] })),
    ['error dependent-unguarded'],
    /requires io-databases\.target, but is not ordered after/,
  ],
  [
    'bound without an order',
    beside(guarded(app, { requires: [], bindsTo: [top], after: [] })),
    ['error dependent-unguarded'],
  ],
  ['bound with an order', beside(guarded(app, { requires: [], bindsTo: [top] })), []],
  [
    'part of the target alone',
    beside(unit(app, { partOf: [top] })),
    ['error dependent-unguarded'],
    /only PartOf= io-databases\.target, and not even ordered after, which/,
  ],
  [
    'part of it, in order',
    beside(unit(app, { partOf: [top], after: [top] })),
    ['error dependent-unguarded'],
    /target, which stops/,
  ],
  ['without an assert', beside(guarded(app, { assertsAbsent: [] })), ['warning dependent-without-assert']],
  [
    'with an assert on something else',
    beside(guarded(app, { assertsAbsent: ['/x'] })),
    ['warning dependent-without-assert'],
  ],
  [
    'of second level, guarded by the first',
    wanting(['deep.service'], guarded('deep.service', { requires: [app], after: [app] })),
    [],
  ],
  [
    'tied to the first and ordered after the target alone',
    wanting(['deep.service'], guarded('deep.service', { requires: [app], after: [top] })),
    ['error dependent-unguarded'],
    /it requires app\.service, but/,
  ],
  [
    'of second level, of a first that is loose: the first alone is named',
    wanting(['deep.service'], guarded(app, { after: [] }), guarded('deep.service', { requires: [app], after: [app] })),
    ['error dependent-unguarded'],
    /^app\.service/,
  ],
  [
    'tied to the wait unit alone, which stays active',
    wanting(['odd.service'], guarded('odd.service', { requires: [waitUnit], after: [waitUnit] })),
    ['error dependent-unguarded'],
  ],
  [
    'configured and hanging on nothing',
    { dependents: ['lone.service'], ...wanting(['lone.service'], unit('lone.service')) },
    ['error dependent-unguarded'],
    /agent\.json names it as a dependent, but it does not hang/,
  ],
  [
    'configured and not there',
    { dependents: ['gone.service'], ...beside(unit('gone.service', { load: 'not-found' })) },
    ['warning dependent-missing'],
    /agent\.json names gone\.service/,
  ],
  ['configured and never heard of', { dependents: ['gone.service'] }, ['warning dependent-missing']],
  [
    'nothing starts it',
    beside(guarded('by-hand.service')),
    ['warning dependent-not-wanted'],
    /after an undrain it stays stopped/,
  ],
  ['the first starts the second', beside(guarded(app, { wants: ['deep.service'] }), guarded('deep.service')), []],
  ['the target upholds it', beside(guarded('up.service'), { ...targetUnit, upholds: ['up.service'] }), []],
  [
    'its guarded timer starts it',
    wanting(['batch.timer'], guarded('batch.service'), guarded('batch.timer', { triggers: ['batch.service'] })),
    [],
  ],
  [
    'its timer is not guarded',
    beside(guarded('batch.service'), unit('batch.timer', { triggers: ['batch.service'] })),
    ['warning trigger-unguarded'],
    /batch\.timer stays up .* it goes on starting batch\.service meanwhile/,
  ],
  [
    'its socket is not guarded',
    beside(guarded('asked.service'), unit('asked.socket', { triggers: ['asked.service'] })),
    ['warning trigger-unguarded'],
    /trigger-limit-hit/,
  ],
  [
    'a guarded socket that is still before what the target waits for',
    wanting(
      ['asked.socket'],
      ...boot,
      unit('sockets.target', { after: ['asked.socket'] }),
      guarded('asked.service', { after: [top, 'asked.socket'] }),
      guarded('asked.socket', { triggers: ['asked.service'] }),
    ),
    ['error dependent-in-circle'],
    /asked\.socket after io-databases\.target after wait-\S+ after basic\.target after sockets\.target after asked\.socket$/,
  ],
  [
    'a guarded socket that is taken from there',
    wanting(
      ['asked.socket'],
      ...boot,
      unit('sockets.target'),
      guarded('asked.service'),
      guarded('asked.socket', { triggers: ['asked.service'] }),
    ),
    [],
  ],
  [
    'of second level, and waited for by the target',
    wanting(
      ['deep.service'],
      { ...waitService, after: ['deep.service'] },
      guarded('deep.service', { requires: [app], after: [app] }),
    ),
    ['error dependent-in-circle'],
    /^deep\.service is ordered in a circle/,
  ],
  [
    'required without an order by the target, which waits for it: only the first is named',
    beside({ ...waitService, after: [app] }, unit(app, { requires: [top], assertsAbsent: [marker] })),
    ['error dependent-unguarded'],
  ],
  [
    'a stop without end',
    beside(guarded(app, { stopLimitMs: 'infinite' })),
    ['error stop-without-end'],
    /^app\.service has an infinite/,
  ],
  ['no stop limit to set', beside(guarded(app, { stopLimitMs: null })), []],
  [
    'wanted, and not stopped',
    wanting(['beside.service'], unit('beside.service')),
    ['warning wanted-not-dependent'],
    /wants beside\.service but does not stop it/,
  ],
  [
    'upheld, and not stopped',
    beside(unit('beside.service'), { ...targetUnit, upholds: ['beside.service'] }),
    ['warning wanted-not-dependent'],
    /upholds beside\.service/,
  ],
  [
    'wanted, and not there',
    wanting(['gone.service']),
    ['warning wanted-missing'],
    /wants gone\.service, which systemd cannot load/,
  ],
]

for (const [name, facts, found, says] of rows) {
  t.test(name, async (t) => {
    const findings = dependentFindings(target(facts))
    t.strictSame(
      findings.map(({ severity, rule }) => `${severity} ${rule}`),
      found,
    )
    if (says !== undefined) t.match(findings[0]?.found, says)
  })
}

t.test('the drop-in says what is missing and nothing else', async (t) => {
  const path = '/etc/systemd/system/app.service.d/io-databases.conf'
  const tie = [`Requires=${top}`, `After=${top}`]
  const assert = `AssertPathExists=!${marker}`
  const [loose] = dependentFindings(target(beside(unit(app, { partOf: [top] }))))
  t.strictSame(loose?.write, { path, lines: [head, '[Unit]', ...tie, assert] })
  const [asserted] = dependentFindings(target(beside(guarded(app, { after: [] }))))
  t.strictSame(asserted?.write, { path, lines: [head, '[Unit]', ...tie] })
  const [tied] = dependentFindings(target(beside(guarded(app, { assertsAbsent: [] }))))
  t.strictSame(tied?.write, { path, lines: [head, '[Unit]', assert] })
})

t.test('the drop-in of a socket takes it from where every boot would have to wait for it', async (t) => {
  const [found] = dependentFindings(
    target(beside(guarded('asked.service'), unit('asked.socket', { triggers: ['asked.service'] }))),
  )
  const late = ['DefaultDependencies=no', 'Requires=sysinit.target', 'After=sysinit.target']
  t.strictSame(found?.write?.lines.slice(-5), [...late, 'Conflicts=shutdown.target', 'Before=shutdown.target'])
})

t.test('a circle is mended where it is known how, and otherwise shown', async (t) => {
  const circle = (name: string) =>
    dependentFindings(target(wanting([name], { ...waitService, after: [name] }, guarded(name))))[0]
  t.equal(circle('asked.socket')?.write?.lines.includes('DefaultDependencies=no'), true)
  t.strictSame(circle('vpn.service')?.run, [`take out the order before ${waitUnit}: systemctl cat vpn.service`])
})

t.test('a manager of a user has no sysinit.target', async (t) => {
  const facts = beside(guarded('asked.service'), unit('asked.socket', { triggers: ['asked.service'] }))
  const [found] = dependentFindings(target({ ...facts, unitDir: '/home/anna/.config/systemd/user' }))
  t.notMatch(found?.write?.lines.join('\n'), 'sysinit')
})

const sections: readonly [unit: string, lines: readonly string[]][] = [
  ['x.service', ['[Service]', 'TimeoutStopSec=90s']],
  ['x.scope', ['[Scope]', 'TimeoutStopSec=90s']],
  ['x.socket', ['[Socket]', 'TimeoutSec=90s']],
  ['x.mount', ['[Mount]', 'TimeoutSec=90s']],
  ['x.swap', ['[Swap]', 'TimeoutSec=90s']],
]
for (const [name, lines] of sections) {
  t.test(`the stop of ${name} gets an end`, async (t) => {
    const facts = wanting([name], guarded(name, { stopLimitMs: 'infinite' }))
    const [finding] = dependentFindings(target(facts))
    t.strictSame(finding?.write, { path: `/etc/systemd/system/${name}.d/stop-limit.conf`, lines: [head, ...lines] })
  })
}
