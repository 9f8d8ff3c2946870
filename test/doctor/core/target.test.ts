import t from 'tap'
import { type TargetFacts, targetFindings, waitUnitOf } from '../../../doctor/core/target.ts'
import type { UnitFacts } from '../../../doctor/core/unit.ts'
import { agentService, good, marker, target, targetUnit, top, unitsOf, waitService, waitUnit } from './shapes.ts'

const withTop = (more: Partial<UnitFacts>) => ({ units: unitsOf(...good, { ...targetUnit, ...more }) })
const withWait = (more: Partial<UnitFacts>) => ({ units: unitsOf(...good, { ...waitService, ...more }) })

const rows: readonly [name: string, facts: Partial<TargetFacts>, found: readonly string[], says?: RegExp][] = [
  ['nothing is wrong', {}, []],
  ['no target', { units: unitsOf() }, ['error target-missing'], /io-databases\.target has no unit file/],
  ['no file of it', withTop({ load: 'not-found' }), ['error target-missing']],
  ['masked', withTop({ load: 'masked' }), ['error target-masked'], /can never open/],
  ['broken', withTop({ load: 'bad-setting' }), ['error target-broken'], /cannot load .* \(bad-setting\)/],
  ['no marker is looked at', withTop({ assertsAbsent: [] }), ['error target-without-assert']],
  ['another marker is', withTop({ assertsAbsent: ['/run/drained'] }), ['error target-without-assert']],
  ['asks nobody', withTop({ requires: [], after: [] }), ['error target-without-wait'], /neither requires nor follows/],
  ['does not require the answer', withTop({ requires: [] }), ['error target-without-wait'], /does not require/],
  ['does not await the answer', withTop({ after: [] }), ['error target-without-wait'], /does not come after/],
  [
    'a disk of its own, not waited for',
    { mount: '/var/lib' },
    ['warning target-without-mount'],
    /wait for \/var\/lib,/,
  ],
  ['waited for', { mount: '/var/lib', ...withTop({ mountsFor: ['/', marker] }) }, []],
  ['exactly that mount', { mount: '/var/lib', ...withTop({ mountsFor: ['/var/lib'] }) }, []],
  [
    'a neighbour of it',
    { mount: '/var/lib', ...withTop({ mountsFor: ['/var/library'] }) },
    ['warning target-without-mount'],
  ],
  ['a start limit', withTop({ startLimitMs: 1 }), ['warning start-limit'], /io-databases\.target has a start limit/],
  ['no wait unit', { units: unitsOf(targetUnit, agentService) }, ['error wait-missing'], /has no unit file/],
  ['a masked one', withWait({ load: 'masked' }), ['error wait-missing'], /is masked/],
  ['asks once a boot', withWait({ partOf: [] }), ['warning wait-without-part-of']],
  ['waits while drained', withWait({ assertsAbsent: [] }), ['warning wait-without-assert']],
  ['a start limit of the wait unit', withWait({ startLimitMs: 1 }), ['warning start-limit'], /wait-for-io-databases/],
  [
    'an agent that is not ordered',
    { units: unitsOf(...good, { ...agentService, before: [] }) },
    ['warning agent-order'],
    /not ordered before wait-for-io-databases\.service and io-databases\.target/,
  ],
  [
    'ordered by the others',
    {
      units: unitsOf(
        { ...targetUnit, after: [waitUnit, agentService.unit] },
        { ...waitService, after: [agentService.unit] },
        { ...agentService, before: [] },
      ),
    },
    [],
  ],
  ['no agent unit', { units: unitsOf(targetUnit, waitService) }, []],
  ['no file of the agent unit', { units: unitsOf(...good, { ...agentService, load: 'not-found' }) }, []],
]

for (const [name, facts, found, says] of rows) {
  t.test(name, async (t) => {
    const findings = targetFindings(target(facts))
    t.strictSame(
      findings.map(({ severity, rule }) => `${severity} ${rule}`),
      found,
    )
    if (says !== undefined) t.match(findings[0]?.found, says)
  })
}

t.test('what mends it is printed', async (t) => {
  const [wait] = targetFindings(target(withTop({ requires: [], after: [] })))
  t.strictSame(wait?.write, {
    path: `/etc/systemd/system/${top}.d/wait.conf`,
    lines: [
      '# As "guardian doctor" has it, removed by "guardian uninstall agent".',
      '[Unit]',
      `Requires=${waitUnit}`,
      `After=${waitUnit}`,
    ],
  })
  t.strictSame(wait?.run, ['systemctl daemon-reload'])
  const run = (facts: Partial<TargetFacts>) => targetFindings(target(facts))[0]?.run
  t.strictSame(run({ units: unitsOf() }), ['guardian install agent'])
  t.strictSame(run(withTop({ load: 'masked' })), [`systemctl unmask ${top}`])
  t.strictSame(run({ ...withTop({ load: 'masked' }), unitDir: '/etc/systemd/user' }), [
    `systemctl --user unmask ${top}`,
  ])
  t.strictSame(run({ units: unitsOf(targetUnit) }), ['guardian install agent'])
  t.strictSame(run(withWait({ load: 'masked' })), [`systemctl unmask ${waitUnit}`])
  t.equal(waitUnitOf('io-storage.target'), 'wait-for-io-storage.service')
})
