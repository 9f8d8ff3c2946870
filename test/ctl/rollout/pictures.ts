import type { RolloutLogLine, RolloutStatus, RunStatus } from '../../../protocol/rollout/api.ts'
import { lineOf, rolloutOf, runOf, stageOf } from '../../fakes/rollout-status.ts'

// Rollouts at the moments that a person sees most.

export const planning: RolloutStatus = rolloutOf('planning', {
  plan: null,
  sinceMs: 8_000,
  stages: [stageOf('canary', 'pending'), stageOf('web', 'pending', { hosts: 2 }), stageOf('db', 'pending')],
  hosts: [
    runOf('web1', 'ready'),
    runOf('web2', 'prefetching', { stage: 1, reason: 'fetching 14 of 91 paths, 310 of 790 MiB', sinceMs: 7_000 }),
    runOf('web3', 'prefetching', { stage: 1, sinceMs: 7_000 }),
    runOf('db1', 'pending', { stage: 2 }),
  ],
})

const webTouches = { touches: ['app.service', 'nginx.service', 'sshd.service'] }

export const plannedBlocked: RolloutStatus = rolloutOf('planned', {
  sinceMs: 12_000,
  message: 'new kernel on the databases, everything else as it was',
  meta: { ticket: 'OPS-311' },
  settled: true,
  exit: 7,
  stages: [
    stageOf('canary', 'pending', { promote: 'manual' }),
    stageOf('web', 'pending', { hosts: 4, maxParallel: 2 }),
    stageOf('db', 'pending', { hooks: [{ name: 'migrate', reversible: false, is: 'pending' }] }),
  ],
  budgets: [
    { name: 'web', unavailable: [], max: 1 },
    { name: 'any', unavailable: ['web9'], max: 3 },
  ],
  hosts: [
    runOf('web1', 'ready', webTouches),
    runOf('web2', 'ready', { ...webTouches, stage: 1 }),
    runOf('web3', 'ready', { ...webTouches, stage: 1 }),
    runOf('web4', 'noop', { stage: 1, action: 'noop' }),
    runOf('web5', 'blocked', {
      stage: 1,
      action: null,
      reason: 'blocked',
      blockers: [
        '/nix has 310 MiB free and 790 MiB are needed: run nix-collect-garbage on web5',
        'the running system was not installed by a rollout: start with --adopt web5',
      ],
    }),
    runOf('db1', 'ready', {
      stage: 2,
      action: 'reboot',
      bootOnce: false,
      rebootReasons: ['the kernel changes from 6.12.1 to 6.12.4'],
      touches: ['postgresql.service'],
    }),
  ],
  next: ['guardian ctl rollout discard r17'],
})

const packages = [
  'nginx: 1.26.1 → 1.26.2, +12.3 KiB',
  'openssl: 3.0.14 → 3.0.15, -8.2 KiB',
  ...Array.from({ length: 9 }, (_, at) => `python3.12-module${at}: 1.0 → 1.1, +1.0 KiB`),
  'would restart the following units: nginx.service, app.service',
]
export const planLog: readonly RolloutLogLine[] = [
  ...['web1', 'web2', 'web3'].flatMap((host, at) =>
    packages.map((text, index) => lineOf(at * 100 + index + 1, host, text, { stream: 'plan' })),
  ),
  lineOf(400, 'db1', 'linux: 6.12.1 → 6.12.4, \u001b[31;1m+1200.5 KiB\u001b[0m', { stream: 'plan' }),
]

const fleet: Partial<RolloutStatus> = {
  stages: [
    stageOf('canary', 'active', { promote: 'manual' }),
    stageOf('web', 'pending', { hosts: 4, maxParallel: 2 }),
    stageOf('db', 'pending'),
  ],
  budgets: [
    { name: 'web', unavailable: ['web1'], max: 1 },
    { name: 'any', unavailable: ['web1'], max: 3 },
  ],
  hosts: [
    runOf('web1', 'activating', { reason: 'restarting nginx.service', holdsSlot: true }),
    runOf('web2', 'ready', { stage: 1 }),
    runOf('web3', 'ready', { stage: 1 }),
    runOf('web4', 'noop', { stage: 1, action: 'noop' }),
    runOf('web5', 'skipped', { stage: 1, reason: 'not connected, and --skip-offline was given' }),
    runOf('db1', 'ready', { stage: 2, action: 'reboot' }),
  ],
}
export const canary: RolloutStatus = rolloutOf('running', fleet)
const [, ...laterStages] = canary.stages
const [, ...laterHosts] = canary.hosts

export const approval: RolloutStatus = rolloutOf('running', {
  ...fleet,
  reason: 'stage canary is done and waits for approval',
  settled: true,
  exit: 6,
  stages: [stageOf('canary', 'waiting', { promote: 'manual', ended: 1, reason: 'for promote' }), ...laterStages],
  budgets: [],
  hosts: [runOf('web1', 'done', { sinceMs: 600_000 }), ...laterHosts],
  next: ['guardian ctl rollout promote r17', 'guardian ctl rollout rollback r17'],
})

export const pausedAfterFailure: RolloutStatus = rolloutOf('paused', {
  ...fleet,
  sinceMs: 42_000,
  reason: 'web3 failed and was taken back; 1 failure, 0 are allowed',
  settled: true,
  exit: 4,
  stages: [
    stageOf('canary', 'done'),
    stageOf('web', 'active', { hosts: 4, ended: 2, maxParallel: 2 }),
    stageOf('db', 'pending'),
  ],
  hosts: [
    runOf('web1', 'done'),
    runOf('web2', 'done', { stage: 1 }),
    runOf('web3', 'reverted', {
      stage: 1,
      exit: 4,
      reason:
        'web3: app.service failed after the switch (exit 4) and was well before; it runs its old system again, and is as it was before',
    }),
    runOf('web4', 'noop', { stage: 1, action: 'noop' }),
    runOf('web5', 'waiting', { stage: 1, reason: 'the rollout is paused' }),
    runOf('db1', 'ready', { stage: 2, action: 'reboot' }),
  ],
  next: [
    'guardian ctl rollout retry r17 web3',
    'guardian ctl rollout skip r17 web3 -m REASON',
    'guardian ctl rollout rollback r17',
  ],
})

export const rollingBack: RolloutStatus = rolloutOf('rolling-back', {
  ...fleet,
  reason: 'by anna: p99 is twice what it was',
  stages: [
    stageOf('canary', 'done', { ended: 0 }),
    stageOf('web', 'active', { hosts: 4, ended: 2 }),
    stageOf('db', 'pending'),
  ],
  budgets: [{ name: 'web', unavailable: ['web2'], max: 1 }],
  hosts: [
    runOf('web1', 'done', { sinceMs: 900_000 }),
    runOf('web2', 'reverting', { stage: 1, reason: 'switching to the previous system', holdsSlot: true }),
    runOf('web3', 'reverted', { stage: 1 }),
    runOf('web4', 'noop', { stage: 1, action: 'noop' }),
    runOf('db1', 'ready', { stage: 2 }),
  ],
})

export const succeededWithSkipped: RolloutStatus = rolloutOf('succeeded', {
  settled: true,
  exit: 10,
  sinceMs: 3_000,
  stages: [
    stageOf('canary', 'done'),
    stageOf('web', 'done', { hosts: 4 }),
    stageOf('db', 'done', { hooks: [{ name: 'migrate', reversible: false, is: 'done' }] }),
  ],
  irreversible: true,
  hosts: [
    runOf('web1', 'done'),
    runOf('web2', 'done', { stage: 1 }),
    runOf('web3', 'skipped', { stage: 1, reason: 'by anna: disk is being replaced' }),
    runOf('web4', 'noop', { stage: 1, action: 'noop' }),
    runOf('web5', 'skipped', { stage: 1, reason: 'by anna: disk is being replaced' }),
    runOf('db1', 'deferred', { stage: 2, action: 'reboot', reason: 'needs a reboot; the window opens Sun 02:00' }),
  ],
})

function hundredthRun(at: number): RunStatus {
  const host = `web${String(at).padStart(3, '0')}`
  const stage = at < 2 ? 0 : at < 60 ? 1 : 2
  if (at === 41) return runOf(host, 'failed', { stage, reason: 'probe app: connection refused on 127.0.0.1:8080' })
  if (at < 40) return runOf(host, at % 7 === 0 ? 'noop' : 'done', { stage })
  if (at < 45)
    return runOf(host, at % 2 === 0 ? 'draining' : 'verifying', {
      stage,
      sinceMs: at * 1_000,
      reason: at % 2 === 0 ? 'app.service is stopping' : '12 of 30s well',
      holdsSlot: true,
    })
  if (at < 48) return runOf(host, 'waiting', { stage, reason: 'budget web: 5 of 5 out of service' })
  return runOf(host, 'ready', { stage })
}

export const hundred: RolloutStatus = rolloutOf('running', {
  sinceMs: 1_830_000,
  stages: [
    stageOf('canary', 'done', { hosts: 2 }),
    stageOf('web', 'active', { hosts: 58, ended: 38, maxParallel: 5 }),
    stageOf('rest', 'pending', { hosts: 40, maxParallel: 5 }),
  ],
  budgets: [
    { name: 'web', unavailable: ['web040', 'web041', 'web042', 'web043', 'web044'], max: 5 },
    { name: 'any', unavailable: ['web040', 'web041', 'web042', 'web043', 'web044'], max: 34 },
  ],
  hosts: Array.from({ length: 100 }, (_, at) => hundredthRun(at)),
})
