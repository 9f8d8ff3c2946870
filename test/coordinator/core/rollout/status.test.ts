import t from 'tap'
import * as v from 'valibot'
import { explain } from '../../../../coordinator/core/rollout/explain.ts'
import { rolloutStates, rolloutStatus, runStates } from '../../../../protocol/rollout/api.ts'
import { type Manner, policyOf, Site } from './site.ts'

const said = { operator: 'ada', message: '' }
const slow =
  (...wants: readonly string[]): Manner =>
  ({ want }) =>
    wants.includes(want) ? null : {}
const staged = policyOf({
  stages: [
    { name: 'a', select: '@a', soak: '10m', promote: 'manual' },
    { name: 'b', select: '*', soak: 0 },
  ],
})

function at(manner: Manner = () => ({}), policy = staged): Site {
  const site = new Site({ hosts: ['a1', 'b1'], policy })
  site.manners.set('a1', manner)
  return site.plan().start()
}

const because = (site: Site, host: string) =>
  explain(site.fleet.state, host, site.fleet.nowMs).because.map(({ what, free }) => `${what} | ${free}`)

t.test('what is shown is what the protocol has', async (t) => {
  const sites = [
    new Site().plan(),
    at(),
    at(slow('active')),
    at(({ want }) => (want === 'active' ? { is: 'failed' } : {})),
  ]
  for (const site of sites) {
    const status = site.status
    t.strictSame(v.parse(rolloutStatus, status), status)
    t.ok(rolloutStates.includes(status.is))
    t.ok(status.hosts.every(({ is }) => runStates.includes(is)))
  }
  t.equal(new Site().plan().status.plan, 'f'.repeat(64))
  t.not(at().status.plan, 'f'.repeat(64), 'once it is started, what was started')
})

t.test('what leads on from here', async (t) => {
  const rows: readonly (readonly [what: string, site: Site, next: string])[] = [
    ['planning', new Site().down('a1').plan(), 'watch r1'],
    ['planned', new Site().plan(), 'start r1'],
    ['running', at(), 'pause r1'],
    ['awaited', at().pass(600_000), 'promote r1'],
    ['paused by hand', at().order({ verb: 'pause', ...said }), 'resume r1'],
    ['paused by a failure', at(({ want }) => (want === 'active' ? { is: 'failed' } : {})), 'retry r1'],
    ['aborting', at(slow('active')).order({ verb: 'abort', now: false, ...said }), 'abort r1 --now'],
    [
      'going back',
      at(slow('active', 'reverted')).order({ verb: 'rollback', selector: '*', pastIrreversible: false, ...said }),
      'pause r1',
    ],
    ['ended', new Site().plan().start(), 'rollback r1'],
  ]
  for (const [what, site, next] of rows) t.match(site.status.next[0], next, what)
  t.strictSame(new Site().plan().order({ verb: 'discard', ...said }).status.next, [])
  t.equal(new Site().plan().order({ verb: 'discard', ...said }).status.exit, 7)
})

t.test('what a host is about', async (t) => {
  const prefetching = new Site({ hosts: ['a1'] })
  prefetching.manners.set('a1', () => ({ is: 'prefetching', action: null, reason: '12 of 40 paths' }))
  prefetching.plan()
  t.equal(prefetching.status.hosts[0]?.reason, '12 of 40 paths')
  const switching = at(({ want }) => (want === 'active' ? { is: 'activating', reason: 'restarting nginx' } : {}))
  t.equal(switching.status.hosts[0]?.reason, 'restarting nginx')
  t.equal(at(slow('active')).status.hosts[0]?.reason, '')
  t.strictSame(
    at(slow('active')).status.stages.map(({ is, hosts, ended }) => [is, hosts, ended]),
    [
      ['active', 1, 0],
      ['pending', 1, 0],
    ],
  )
  const done = new Site({ policy: staged })
    .plan()
    .start()
    .pass(600_000)
    .order({ verb: 'promote', full: false, ...said })
  t.strictSame(
    done.status.stages.map(({ is }) => is),
    ['done', 'done'],
  )
})

t.test('why a host has not been rebuilt yet, or is not in service', async (t) => {
  t.throws(() => explain(new Site().fleet.state, 'z', 0), { code: 'unknown-host' })
  t.strictSame(explain(new Site().fleet.state, 'a1', 0), { host: 'a1', rollout: null, is: null, because: [] })
  const held = new Site()
  held.send({
    type: 'drain-asked',
    request: { id: 'f'.repeat(32), selector: 'a1', operator: 'eve', message: 'disk', dryRun: false },
  })
  t.strictSame(because(held.settle(), 'a1'), [
    `drained by operator:eve: disk | guardian ctl undrain --hold ${'f'.repeat(32)}`,
  ])
  const rows: readonly (readonly [what: string, site: Site, host: string, text: readonly RegExp[]])[] = [
    ['not started', new Site().plan(), 'a1', [/^ready .*skip r1 a1/, /r1 has not been started.*start r1/]],
    ['in a later stage', at(), 'b1', [/^ready/, /stage a soaks.*promote r1/]],
    ['awaited', at().pass(600_000), 'b1', [/^ready/, /stage a waits for approval: stage a is done.*promote/]],
    [
      'a gate',
      new Site({ policy: policyOf({ gates: { before: [{ exec: ['x'] }] } }) }).plan().start(),
      'a1',
      [/^ready/, /waits for gate: x: being.*status r1/],
    ],
    ['paused', at().order({ verb: 'pause', ...said }), 'b1', [/^ready/, /paused: ada.*resume r1/]],
    ['a wave', at(slow('active')), 'b1', [/^ready/]],
    ['aborting', at(slow('active')).order({ verb: 'abort', now: false, ...said }), 'b1', [/^skipped.*retry r1 b1/]],
    ['on its way', at(slow('active')), 'a1', [/^activating.*logs r1 a1/, /drained by rollout:r1/]],
    ['blocked', new Site().down('a1').plan().pass(20_000), 'a1', [/^blocked: its agent.*retry r1 a1/]],
    [
      'failed',
      at(({ want }) => (want === 'active' ? { is: 'failed' } : {}), policyOf({ onFailure: 'pause' })),
      'a1',
      [/^failed.*retry r1 a1/, /drained/],
    ],
    [
      'lost',
      at(slow('active'))
        .down('a1')
        .pass(26 * 60_000),
      'a1',
      [/^lost.*release r1 a1/, /drained/],
    ],
    ['soaking', at(), 'a1', []],
    [
      'left out for good',
      new Site()
        .plan()
        .order({ verb: 'skip', host: 'b1', ...said })
        .start(),
      'b1',
      [/^skipped: ada .*rollout plan/],
    ],
    [
      'failed for good',
      at(({ want }) => (want === 'active' ? { is: 'failed' } : {}), policyOf({ onFailure: 'pause', maxFailures: 1 })),
      'a1',
      [/^failed.*rollback r1 --on a1/, /drained/],
    ],
  ]
  for (const [what, site, host, text] of rows) {
    const found = because(site, host)
    t.equal(found.length, text.length, what)
    for (const [index, each] of text.entries()) t.match(found[index], each, what)
  }
})

t.test('the rollout that has a host now is told of, not the last plan', async (t) => {
  const site = at(slow('active'))
  site.plan({ selector: 'a1' })
  t.equal(explain(site.fleet.state, 'a1', 0).rollout, 'r1')
  t.equal(explain(site.fleet.state, 'a1', 0).is, 'activating')
})
