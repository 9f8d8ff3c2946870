import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { GuardianError } from '../../../protocol/errors.ts'
import { lineOf, planHash, revision, rolloutOf, runOf, systemOf } from '../../fakes/rollout-status.ts'
import { dirtyMetadataFile, openFakeNix, openRollouts, planned, recordedRevision, wellBehaved } from './open.ts'

const systems = (...hosts: readonly string[]) => Object.fromEntries(hosts.map((host) => [host, systemOf(host)]))

t.test(
  'a plan: the branch becomes a revision once, all systems are built in one call, and the truth is printed',
  async (t) => {
    const nix = await openFakeNix(t, wellBehaved)
    const { rollouts, world, ctl } = await openRollouts(t, { env: nix.env })
    rollouts.logs.push(lineOf(1, 'web1', 'nginx: 1.26.1 → 1.26.2', { stream: 'plan' }))
    t.equal(await ctl('plan', '--rev', 'main', '-m', 'new kernel', '--meta', 'ticket=OPS-1', '--meta', 'by=ci'), 0)
    const [metadata = '', build = '', ...more] = await nix.calls()
    t.match(metadata, /^flake metadata --json .* git\+file:\/\/\/srv\/infra\?ref=main$/)
    t.match(build, /^build --no-link --print-out-paths /)
    for (const host of ['web1', 'web2', 'web3'])
      t.match(
        build,
        `git+file:///srv/infra?rev=${recordedRevision}#nixosConfigurations.${host}.config.system.build.toplevel`,
      )
    t.strictSame(more, [], 'nothing else')
    t.match(rollouts.plans, [
      {
        policy: 'default',
        selector: '*',
        operator: 'anna',
        message: 'new kernel',
        meta: { ticket: 'OPS-1', by: 'ci' },
        source: { mode: 'closure', revision: recordedRevision },
      },
    ])
    t.strictSame(rollouts.plans[0]?.source, {
      mode: 'closure',
      systems: Object.fromEntries(['web1', 'web2', 'web3'].map((host) => [host, systemOf(host)])),
      revision: recordedRevision,
    })
    t.match(world.said(), /^canary {2}1 host, one at a time$/m)
    t.match(world.said(), /^ {2}web1 {2}live$/m)
    t.match(world.said(), 'nginx: 1.26.1 → 1.26.2')
    t.match(world.said(), planHash)
    t.match(world.said(), 'next: guardian ctl rollout start r17')
  },
)

t.test('--on builds only what it selects, and what was built may be brought to a cache', async (t) => {
  const nix = await openFakeNix(t, wellBehaved)
  const { rollouts, world, ctl } = await openRollouts(t, { env: nix.env })
  const push = `printf '%s\\n' > ${join(nix.directory, 'pushed')}`
  t.equal(await ctl('plan', '--rev', revision, '--on', 'web2', '--copy-to', 's3://cache', '--push', push, '--json'), 0)
  t.equal(world.complained(), '')
  const [build = '', copy = ''] = await nix.calls()
  t.match(build, /^build/, 'a revision needs no resolving')
  t.notMatch(build, 'web1')
  t.match(copy, new RegExp(`^copy .* --to s3://cache ${systemOf('web2')}$`))
  t.match(rollouts.plans, [{ selector: 'web2', source: { revision } }])
})

t.test('nothing is planned where a build fails, and its last lines are shown', async (t) => {
  const script = `for i in $(seq 30); do printf '\\033[31mline %s\\033[0m\\n' $i >&2; done; exit 1`
  const nix = await openFakeNix(t, script)
  const { rollouts, world, ctl } = await openRollouts(t, { env: nix.env })
  t.equal(await ctl('plan', '--rev', revision), 7)
  t.match(world.complained(), /nix build --no-link failed \(exit 1\), its last lines:\n {2}line 11\n/)
  t.match(world.complained(), /line 30\n$/)
  t.equal(rollouts.plans.length, 0)
})

t.test('a tree with changes that are not committed has no revision', async (t) => {
  const nix = await openFakeNix(t, `cat ${dirtyMetadataFile}`)
  const { world, ctl } = await openRollouts(t, { env: nix.env })
  t.equal(await ctl('plan'), 2)
  t.match(world.complained(), 'git+file:///srv/infra has no revision')
})

t.test('a system that is named after no host', async (t) => {
  const nix = await openFakeNix(t, `echo ${systemOf('db')}; echo ${systemOf('web1')}`)
  const { world, ctl } = await openRollouts(t, { env: nix.env })
  t.equal(await ctl('plan', '--rev', revision), 7)
  t.match(world.complained(), /named after web2 .*set networking.hostName = "web2"/)
})

t.test('hosts of which one name begins another', async (t) => {
  const nix = await openFakeNix(t, wellBehaved)
  const { rollouts, ctl } = await openRollouts(t, { env: nix.env })
  rollouts.policies = [
    {
      name: 'default',
      mode: 'closure',
      flake: '/srv/infra',
      stages: [{ name: 'all', hosts: ['db', 'db-1', 'db-1.x'] }],
    },
  ]
  t.equal(await ctl('plan', '--rev', revision), 0)
  t.match((await nix.calls())[0], `/srv/infra?rev=${revision}#nixosConfigurations."db-1.x".config`)
})

t.test('no nix', async (t) => {
  const { world, ctl } = await openRollouts(t, { env: { PATH: '/nowhere' } })
  t.equal(await ctl('plan'), 2)
  t.match(world.complained(), 'nix is not on the PATH')
})

t.test('Ctrl-C while it builds', async (t) => {
  const nix = await openFakeNix(t, 'echo building >&2; exec sleep 600')
  const { rollouts, world, ctl } = await openRollouts(t, { env: nix.env, isTTY: true })
  const running = ctl('plan', '--rev', revision)
  await world.saw('building')
  world.interrupt()
  t.equal(await running, 130)
  t.equal(rollouts.plans.length, 0)
})

t.test('systems that were built elsewhere', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  const file = join(t.testdir({}), 'systems.json')
  await writeFile(file, JSON.stringify(systems('web1', 'web2')))
  t.equal(await ctl('plan', '--systems', file, '--systems', `web3=${systemOf('web3')}`, '--rev', revision), 0)
  t.match(rollouts.plans[0], {
    selector: '*',
    source: { mode: 'closure', systems: systems('web1', 'web2', 'web3'), revision },
  })
  t.equal(await ctl('plan', '--systems', file), 0)
  t.match(rollouts.plans[1], { selector: 'web1,web2' })
  t.equal(await ctl('plan', '--systems', file, '--on', 'web1'), 0)
  t.match(rollouts.plans[2], { selector: 'web1', source: { systems: systems('web1') } })
  const refused: readonly (readonly [argv: readonly string[], text: string])[] = [
    [['--systems', 'nowhere'], 'neither HOST=PATH nor a file'],
    [['--systems', `web9=${systemOf('web9')}`], 'policy default has no web9'],
    [['--systems', 'web1=/tmp'], 'web1: /tmp is no path of the Nix store'],
    [['--systems', file, '--rev', 'main'], 'all 40 hex digits'],
  ]
  for (const [argv, text] of refused) {
    t.equal(await ctl('plan', ...argv), 2, argv.join(' '))
    t.match(world.complained(), text)
  }
})

t.test('in flake mode hosts build the pinned revision themselves', async (t) => {
  const { rollouts, ctl } = await openRollouts(t, { env: { PATH: '/nowhere' } })
  rollouts.policies = [
    { name: 'own', mode: 'flake', flake: 'github:acme/infra/main', stages: [{ name: 'all', hosts: ['web1'] }] },
  ]
  t.equal(await ctl('plan', '--rev', revision), 0)
  t.strictSame(rollouts.plans[0]?.source, { mode: 'flake', flake: 'github:acme/infra/main', revision })
  t.equal(await ctl('plan', '--systems', `web1=${systemOf('web1')}`), 2)
})

t.test('which policy', async (t) => {
  const { rollouts, world, ctl } = await openRollouts(t)
  t.equal(await ctl('plan', '--policy', 'nightly'), 2)
  t.match(world.complained(), 'no policy nightly: give --policy with one of default')
  rollouts.policies = rollouts.policies.flatMap((policy) => [
    { ...policy, name: 'a' },
    { ...policy, name: 'b' },
  ])
  t.equal(await ctl('plan'), 2)
  t.match(world.complained(), 'give --policy with one of a, b')
  rollouts.policies = []
  t.equal(await ctl('plan'), 2)
  t.match(world.complained(), 'the coordinator has no policy')
})

t.test('it waits until every host has said what it would do; exit 7 where something blocks', async (t) => {
  for (const isTTY of [false, true]) {
    const { api, rollouts, world, ctl } = await openRollouts(t, { isTTY })
    rollouts.onPlan = () => rolloutOf('planning', { plan: null, hosts: [runOf('web1', 'prefetching')] })
    const running = ctl('plan', '--systems', `web1=${systemOf('web1')}`)
    await api.followed('/v1/rollouts/r17')
    if (isTTY) await world.saw('prefetching')
    const request = rollouts.plans[0]
    if (request === undefined) throw new Error('nothing was planned')
    api.tellRollout(planned(request, { exit: 7, hosts: [runOf('web1', 'blocked', { blockers: ['/nix is full'] })] }))
    t.equal(await running, 7)
    t.match(world.said(), '/nix is full')
    t.match(world.said(), 'guardian ctl rollout explain web1')
    if (!isTTY) t.notMatch(world.said(), 'prefetching')
  }
})

t.test('a plan is sent again after a lost answer, with the same id', async (t) => {
  const { api, rollouts, ctl } = await openRollouts(t)
  let lost = false
  rollouts.onPlan = (request) => {
    if (!lost) {
      lost = true
      api.cut()
      throw new GuardianError('internal', 'nobody hears this')
    }
    return planned(request)
  }
  t.equal(await ctl('plan', '--systems', `web1=${systemOf('web1')}`), 0)
  t.equal(rollouts.plans.length, 2)
  t.equal(rollouts.plans[0]?.id, rollouts.plans[1]?.id)
})

t.test('--json: the plan as the coordinator has it', async (t) => {
  const { world, ctl } = await openRollouts(t)
  t.equal(await ctl('plan', '--systems', `web1=${systemOf('web1')}`, '--json'), 0)
  t.match(JSON.parse(world.said()), { id: 'r17', is: 'planned', plan: planHash })
})
