import t from 'tap'
import { aheadMs, type HostFacts, hostFindings, statusFindings, waveFindings } from '../../../doctor/core/fleet.ts'
import type { FleetStatus } from '../../../protocol/api.ts'
import { fleetOf, holdStatus, instance, nowMs } from '../../fakes/fleet-status.ts'

const dayMs = 86_400_000

const clocks: readonly [name: string, dateMs: number, aheadMs: number][] = [
  // The question was sent at 10 000 and answered at 10 400.
  ['a whole second of the same clock', 10_000, 0],
  ['the text of a second ago', 8_000, 0],
  ['a moment more', 7_999, -1],
  ['within the round trip', 10_400, 0],
  ['a moment later', 10_401, 1],
  ['an hour behind', 10_000 - 3_600_000, -3_598_000],
]
for (const [name, dateMs, ahead] of clocks) {
  t.test(`clock: ${name}`, async (t) => {
    t.equal(aheadMs({ sentMs: 10_000, receivedMs: 10_400, dateMs }), ahead)
  })
}

const host: HostFacts = {
  host: 'web1',
  address: '198.18.0.1',
  port: 9876,
  link: { is: 'up' },
  build: 'guardian 1',
  clock: null,
}
const clock = (dateMs: number) => ({ clock: { sentMs: 0, receivedMs: 0, dateMs } })

const hosts: readonly [name: string, facts: Partial<HostFacts>, found: readonly string[], says?: RegExp][] = [
  ['nothing is wrong', clock(0), []],
  [
    'unreachable',
    { link: { is: 'unreachable', reason: 'timed out' } },
    ['error host-unreachable'],
    /198\.18\.0\.1 port 9876\) cannot be reached: timed out/,
  ],
  ['refused', { link: { is: 'refused', reason: 'no' } }, ['error host-refuses'], /web1 does not accept the key/],
  [
    'another build',
    { build: 'guardian 2' },
    ['warning host-build-apart'],
    /web1 is guardian 2, this coordinator guardian 1/,
  ],
  ['nobody said which', { build: null }, []],
  ['a clock ahead', clock(5_000), ['warning clock-apart'], /web1 is 5s ahead of this one/],
  ['not far ahead', clock(4_999), []],
  ['a clock behind', clock(-7_000), ['warning clock-apart'], /5s behind this one/],
  ['not far behind', clock(-6_999), []],
]
for (const [name, facts, found, says] of hosts) {
  t.test(`host: ${name}`, async (t) => {
    const findings = hostFindings([{ ...host, ...facts }], 'guardian 1')
    t.strictSame(
      findings.map(({ severity, rule }) => `${severity} ${rule}`),
      found,
    )
    if (says !== undefined) t.match(findings[0]?.found, says)
  })
}

t.test('a wave that nobody is in', async (t) => {
  const facts = { target: 'io-databases', hosts: [{ name: 'web1', tags: ['web'] }] }
  t.strictSame(waveFindings({ ...facts, selectors: ['@web', 'web*'] }), [])
  const [finding, ...more] = waveFindings({ ...facts, selectors: ['@web', '@wbe'] })
  t.match(finding, { severity: 'warning', rule: 'wave-empty', found: /no host matches "@wbe"/ })
  t.strictSame(more, [])
})

const claim = { epoch: 9, instance, revision: 1 }
const old = holdStatus('a1', { sinceMs: nowMs - dayMs })
const status: readonly [name: string, fleet: Partial<FleetStatus>, found: readonly string[], says?: RegExp][] = [
  ['nothing is wrong', {}, []],
  [
    'superseded',
    { superseded: { host: 'web2', seen: claim } },
    ['error superseded'],
    /web2 has seen epoch 9 of another one/,
  ],
  ['one is awaited', { awaiting: ['web1'] }, ['warning hosts-awaited'], /before web1 has reported/],
  ['several are', { awaiting: ['web1', 'web2'] }, ['warning hosts-awaited'], /before web1 and web2 have reported/],
  ['a day of hold', { holds: [old] }, ['warning hold-old'], /operator:anna has held web1 for 24h \(new kernel\)/],
  ['a day less a moment', { holds: [{ ...old, sinceMs: old.sinceMs + 1, message: '' }] }, []],
  [
    'an orphan',
    { holds: [{ ...old, orphan: true }] },
    ['error hold-orphan'],
    /orphan hold of operator:anna \(new kernel\) keeps web1 drained/,
  ],
  [
    'an orphan of nobody',
    { holds: [{ ...old, orphan: true, hosts: [], message: '' }] },
    ['error hold-orphan'],
    /keeps no host drained/,
  ],
  ['not stored', { holds: [holdStatus('a1', { persisted: false })] }, ['error hold-not-persisted']],
  [
    'a large fleet',
    { holds: [{ ...old, hosts: Array.from({ length: 100 }, (_, at) => `web${at}`) }] },
    ['warning hold-old'],
    /has held web0, web1, web2, web3, web4 and 95 more for/,
  ],
]
for (const [name, fleet, found, says] of status) {
  t.test(`status: ${name}`, async (t) => {
    const findings = statusFindings(fleetOf(fleet))
    t.strictSame(
      findings.map(({ severity, rule }) => `${severity} ${rule}`),
      found,
    )
    if (says !== undefined) t.match(findings[0]?.found, says)
  })
}
