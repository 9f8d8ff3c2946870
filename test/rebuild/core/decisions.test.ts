import t from 'tap'
import type { JobOrder } from '../../../protocol/rebuild.ts'
import { type HostFacts, hostFaults, type SystemFacts, systemFault } from '../../../rebuild/core/checks.ts'
import { endOfSwitch, type UnitEnd } from '../../../rebuild/core/exit.ts'
import { type Allowed, installableOf, refusalsOf } from '../../../rebuild/core/order.ts'
import { actionOf, type PlanFacts } from '../../../rebuild/core/plan.ts'
import { order } from '../rig.ts'
import { previous, system } from './scene.ts'

const exited = (status: string): UnitEnd => ({
  result: status === '0' ? 'success' : 'exit-code',
  code: 'exited',
  status,
})
const ends: readonly [name: string, end: UnitEnd, current: string | null, to: object][] = [
  ['well', exited('0'), system, { exit: 0, cut: false, ok: true, reason: '' }],
  [
    'well, with units that do not come up',
    exited('4'),
    system,
    { exit: 4, ok: true, reason: 'some units did not come up (exit 4)' },
  ],
  [
    'well, but another system runs',
    exited('0'),
    previous,
    { exit: 0, ok: false, reason: `the switch left ${previous} running` },
  ],
  ['well, but no system runs', exited('4'), null, { exit: 4, ok: false, reason: 'the switch left nothing running' }],
  ['died', exited('1'), previous, { exit: 1, cut: false, ok: false, reason: /refused or died/ }],
  ['activation script', exited('2'), system, { exit: 2, ok: false, reason: /activation script failed/ }],
  ['needs a reboot', exited('100'), previous, { exit: 100, ok: false, reason: /only a reboot/ }],
  ['something new', exited('7'), system, { exit: 7, ok: false, reason: 'the switch failed (exit 7)' }],
  [
    'too late',
    { result: 'timeout', code: 'killed', status: 'TERM' },
    system,
    { exit: -1, cut: false, reason: /took longer/ },
  ],
  [
    'killed',
    { result: 'signal', code: 'killed', status: 'KILL' },
    system,
    { exit: -1, cut: true, reason: /cut short \(KILL\)/ },
  ],
  ['no word', { result: '', code: '', status: '' }, system, { exit: -1, cut: true, reason: /cut short \(unknown\)/ }],
]
for (const [name, end, current, to] of ends) {
  t.test(`a switch that ended: ${name}`, async (t) => t.match(endOfSwitch(end, current, system), to))
}

const kernelside = { kernel: 'k', initrd: 'i', 'kernel-modules': 'm', 'reboot-triggers': [] }
const plain: PlanFacts = {
  system,
  current: previous,
  profile: previous,
  next: kernelside,
  booted: kernelside,
  inhibitors: { next: [], current: [] },
}
const plans: readonly [name: string, facts: Partial<PlanFacts>, action: string, reasons: readonly string[]][] = [
  ['another system', {}, 'live', []],
  ['the system that runs and boots', { current: system, profile: system }, 'noop', []],
  ['the system that runs and does not boot', { current: system }, 'live', []],
  ['the system that boots and does not run', { profile: system }, 'live', []],
  [
    'the system that runs, but was not booted',
    { current: system, profile: system, next: { ...kernelside, kernel: 'other' } },
    'reboot',
    ['another kernel than the one that was booted'],
  ],
  [
    'everything of the kernel',
    { next: { kernel: null, initrd: 'j', 'kernel-modules': 'n', 'reboot-triggers': ['t'] } },
    'reboot',
    [
      'another kernel than the one that was booted',
      'another initrd than the one that was booted',
      'another kernel-modules than the one that was booted',
      'reboot trigger t changes',
    ],
  ],
  [
    'inhibitors that come and go',
    { inhibitors: { next: ['both', 'broker'], current: ['both', 'dbus'] } },
    'reboot',
    ['dbus cannot be switched while it runs', 'broker cannot be switched while it runs'],
  ],
]
for (const [name, facts, action, rebootReasons] of plans) {
  t.test(`what it does: ${name}`, async (t) =>
    t.strictSame(actionOf({ ...plain, ...facts }), { action, rebootReasons }),
  )
}

const flake = { mode: 'flake', flake: 'github:a/b', revision: 'a'.repeat(40) } as const
const allowed: Allowed = { closure: 'any', flakes: ['github:a/b'], revisions: '^a+$' }
const orders: readonly [name: string, source: JobOrder['source'], allowed: Partial<Allowed>, refusals: number][] = [
  ['a given system', order.source, {}, 0],
  ['a given system that is to be signed', order.source, { closure: 'signed' }, 0],
  ['a given system where none is taken', order.source, { closure: 'never' }, 1],
  ['a flake', flake, { closure: 'never' }, 0],
  ['another flake', { ...flake, flake: 'github:a/b/evil' }, {}, 1],
  ['another revision of another flake', { ...flake, flake: 'github:b/a', revision: 'b'.repeat(40) }, {}, 2],
]
for (const [name, source, more, refusals] of orders) {
  t.test(`an order for ${name}`, async (t) =>
    t.equal(refusalsOf({ ...order, source }, { ...allowed, ...more }).length, refusals),
  )
}

t.test('what is built', async (t) => {
  t.equal(
    installableOf('github:a/b', 'r', 'web1'),
    'github:a/b/r#nixosConfigurations."web1".config.system.build.toplevel',
  )
  t.match(installableOf('github:a/b/main', 'r', 'w'), /^github:a\/b\/r#/, 'Nix takes no branch beside a revision')
  t.match(installableOf('git+ssh://a?ref=main', 'r', 'w'), /^git\+ssh:\/\/a\?ref=main&rev=r#/)
})

const nixos: SystemFacts = {
  path: system,
  present: true,
  isNixos: true,
  hostname: 'web1',
  canSwitch: true,
  signed: null,
}
const systems: readonly [facts: Partial<SystemFacts>, fault: RegExp | null][] = [
  [{}, null],
  [{ signed: true }, null],
  [{ present: false }, /is not in the store/],
  [{ isNixos: false }, /is no NixOS system/],
  [{ canSwitch: false }, /is no NixOS system/],
  [{ hostname: 'web2' }, /a system of web2, not of web1/],
  [{ hostname: null }, /a system of no host/],
  [{ signed: false }, /no signature/],
]
for (const [facts, fault] of systems) {
  t.test(`a system: ${fault?.source ?? 'good'}`, async (t) => {
    const found = systemFault({ ...nixos, ...facts }, 'web1')
    t.ok(fault === null ? found === null : fault.test(found ?? ''), found ?? 'good')
  })
}

const host: HostFacts = {
  current: previous,
  profile: previous,
  committed: null,
  adopt: false,
  lockHolder: null,
  free: [],
}
const hosts: readonly [facts: Partial<HostFacts>, faults: readonly RegExp[]][] = [
  [{}, []],
  [{ committed: previous }, []],
  [{ current: null }, [/does not run NixOS/]],
  [{ committed: system }, [/^drifted: .*committed here/]],
  [{ committed: system, adopt: true }, []],
  [{ profile: system }, [/^drifted: .*would be booted/]],
  [{ profile: null }, [/but nothing would be booted/]],
  [{ profile: system, adopt: true }, []],
  [{ lockHolder: 'nixos-rebuild' }, [/another switch runs: nixos-rebuild/]],
  [
    {
      free: [
        { place: '/boot', freeMiB: 1, wantedMiB: 64 },
        { place: '/nix', freeMiB: 64, wantedMiB: 64 },
      ],
    },
    [/^\/boot has 1 MiB/],
  ],
]
for (const [facts, faults] of hosts) {
  t.test(`a host: ${faults[0]?.source ?? 'ready'}`, async (t) => {
    const found = hostFaults({ ...host, ...facts })
    t.equal(found.length, faults.length)
    for (const [at, fault] of faults.entries()) t.match(found[at], fault)
  })
}
