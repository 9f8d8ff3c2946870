import t from 'tap'
import { afterBoot, type BootOutcome } from '../../../rebuild/core/boot.ts'
import {
  type BackStep,
  type HostSight,
  type JobMemory,
  stepsBack,
  verdictBack,
} from '../../../rebuild/core/way-back.ts'
import { cut, good, live, memory, otherBoot, previous, reboot, sight, system, thisBoot } from './scene.ts'

const unknown = '/nix/store/33333333333333333333333333333333-nixos-system-web1-3'
const committed = { ok: true, reason: '' }

const ways: readonly [name: string, job: Partial<JobMemory>, sight: Partial<HostSight>, steps: readonly BackStep[]][] =
  [
    ['never activated', { activation: null }, {}, []],
    ['a switch that ended', {}, {}, ['switch']],
    ['one that was cut short is brought to its end first', { exit: cut }, {}, ['finish', 'switch']],
    ['one that left no word is taken for cut short', { exit: null }, {}, ['finish', 'switch']],
    ['one that left the previous system may have stopped units', {}, { current: previous }, ['switch']],
    ['in another boot there is nothing to finish', { exit: null }, { bootId: otherBoot, current: previous }, []],
    ['in another boot with the new system', {}, { bootId: otherBoot }, ['switch']],
    ['a profile that moved', { committing: true }, { profile: system }, ['profile', 'switch']],
    ['a loader that moved', { committing: true }, { profile: system, loader: system }, ['profile', 'boot', 'switch']],
    ['a loader that cannot be read, in a commit', { committing: true }, { loader: null }, ['boot', 'switch']],
    ['a loader that cannot be read, after a commit', { commit: committed }, { loader: null }, ['boot', 'switch']],
    [
      'a loader that cannot be read, and a profile that moved',
      {},
      { loader: null, profile: system },
      ['profile', 'boot', 'switch'],
    ],
    ['a loader that cannot be read, and was never written', {}, { loader: null }, ['switch']],
    ['a reboot that is still to come', { activation: reboot, exit: null }, { current: previous }, []],
    [
      'the same, with a loader that cannot be read',
      { activation: reboot, exit: null },
      { current: previous, loader: null },
      ['boot'],
    ],
    ['a reboot into the new system', { activation: reboot }, { bootId: otherBoot, booted: system }, ['reboot']],
    [
      'the same without boot-once',
      { activation: reboot },
      { bootId: otherBoot, booted: system, profile: system, loader: system },
      ['profile', 'boot', 'reboot'],
    ],
  ]
for (const [name, job, seen, steps] of ways) {
  t.test(`the way back: ${name}`, async (t) => t.strictSame(stepsBack(memory(job), sight(seen)), steps))
}

const boots: readonly [name: string, job: Partial<JobMemory>, sight: Partial<HostSight>, outcome: BootOutcome][] = [
  ['never activated', { activation: null, exit: null }, { bootId: otherBoot }, { is: 'nothing' }],
  ['reverted', { revert: { bootId: thisBoot, atMs: 0, ...committed } }, { bootId: otherBoot }, { is: 'nothing' }],
  ['committed', { commit: committed }, { bootId: otherBoot }, { is: 'nothing' }],
  ['the same boot', {}, {}, { is: 'nothing' }],
  ['the same boot, and no end yet', { exit: null }, {}, { is: 'nothing' }],
  [
    'the previous one after a switch',
    {},
    { bootId: otherBoot, current: previous },
    { is: 'returned', steps: [], reason: 'the host came up again with the system that it had before' },
  ],
  [
    'the previous one with a profile that moved',
    { committing: true },
    { bootId: otherBoot, current: previous, profile: system },
    { is: 'returned', steps: ['profile'], reason: 'the host came up again with the system that it had before' },
  ],
  [
    'the previous one, as was wanted',
    { activation: reboot, leaving: thisBoot },
    { bootId: otherBoot, current: previous },
    { is: 'returned', steps: [], reason: 'rebooted into it' },
  ],
  ['the new one for the first time', { activation: reboot, exit: null }, { bootId: otherBoot }, { is: 'arrived' }],
  ['the new one again', { activation: live, exit: good }, { bootId: otherBoot }, { is: 'arrived' }],
  ['a commit that was cut short', { committing: true }, { bootId: otherBoot }, { is: 'commit' }],
  [
    'the new one, although the previous was wanted',
    { activation: reboot, leaving: thisBoot },
    { bootId: otherBoot },
    { is: 'stuck', reason: `${system} runs, and not ${previous}` },
  ],
  [
    'something else',
    {},
    { bootId: otherBoot, current: unknown },
    { is: 'stuck', reason: `${unknown} runs, and not ${previous}` },
  ],
]
for (const [name, job, seen, outcome] of boots) {
  t.test(`a boot: ${name}`, async (t) => t.strictSame(afterBoot(memory(job), sight(seen)), outcome))
}

const verdicts: readonly [sight: Partial<HostSight>, reason: string][] = [
  [{ current: previous }, ''],
  [{ current: previous, loader: null }, ''],
  [{ current: null }, `nothing runs, and not ${previous}`],
  [
    { current: previous, profile: null, loader: system },
    `the profile is nothing, the loader would start ${system}, and not ${previous}`,
  ],
]
for (const [seen, reason] of verdicts) {
  t.test(`whether it is back: ${reason || 'yes'}`, async (t) =>
    t.strictSame(verdictBack(memory(), sight(seen)), { ok: reason === '', reason }),
  )
}
