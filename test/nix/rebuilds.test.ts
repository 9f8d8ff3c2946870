import t, { type Test } from 'tap'
import * as v from 'valibot'
import { rebuildFile } from '../../rebuild/config.ts'
import { noEvaluation } from './nix.ts'
import { type Rendered, renderHost } from './rendered.ts'

t.setTimeout(600_000)

function on(name: string, about: string, check: (t: Test, host: Rendered) => Promise<void>): void {
  t.test(`${name}: ${about}`, { skip: noEvaluation }, async (t) => check(t, await renderHost(name)))
}

on('rebuilt-web1', 'takes rebuilds, by a helper that no switch restarts', async (t, host) => {
  t.match(host.agent, { rebuild: {} })
  t.ok(v.is(rebuildFile, host.rebuild))
  t.match(host.rebuild, { host: 'web1', closure: 'signed', cpuQuota: '50%' })
  t.match(host.rules, 'helper.test(')
  for (const unit of ['io-guardian-rebuild@.service', 'io-guardian-rebuild-resume.service']) {
    t.match(host.units[unit]?.text, /^X-RestartIfChanged=false$/m)
    t.match(host.units[unit]?.text, /^X-StopOnRemoval=false$/m)
  }
  t.match(host.units['io-guardian-rebuild@.service']?.text, /^CPUQuota=50%$/m)
  t.match(host.units['io-guardian.service']?.text, /^SupplementaryGroups=systemd-journal$/m)
})

on('fleet-web1', 'takes no rebuilds, and its agent may start no helper', async (t, { rebuild, agent, rules }) => {
  t.equal(rebuild, null)
  t.notOk(agent !== null && 'rebuild' in agent)
  t.notMatch(rules, 'helper.test(')
})

on('rebuilt-io', 'begins a rollout of each policy that has a time', async (t, { coordinator, units, packaged }) => {
  t.match(coordinator, { rebuilds: { self: 'io', budgets: { web: { maxUnavailable: '34%' } } } })
  const timer = units['io-guardian-rollout@nightly.timer']
  t.match(timer?.text, /^OnCalendar=\nOnCalendar=Sun 03:00$/m)
  t.strictSame(timer?.wantedBy, ['timers.target'])
  t.match(units['io-guardian-rollout@.service']?.text, /^X-RestartIfChanged=false$/m)
  t.match(packaged['io-guardian-rollout@.service'], 'rollout start --policy %i --yes')
})
