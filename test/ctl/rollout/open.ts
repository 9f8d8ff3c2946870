import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { runCtl } from '../../../ctl/main.ts'
import type { PlanRequest, RolloutStatus } from '../../../protocol/rollout/api.ts'
import { openFakeApi } from '../../fakes/coordinator-api.ts'
import { fleetOf } from '../../fakes/fleet-status.ts'
import { eventOf, rolloutOf, runOf, stageOf } from '../../fakes/rollout-status.ts'
import { type FakeWorldOptions, fakeWorld } from '../../fakes/world.ts'

const golden = new URL('../../golden/nix/', import.meta.url)
export const metadataFile = new URL('flake-metadata.json', golden).pathname
/** What stands in it. */
export const recordedRevision = '2666671b8f83a6acce862c0b9b03f603ee5db14c'
export const dirtyMetadataFile = new URL('flake-metadata-dirty.json', golden).pathname

/** A coordinator with one policy, and `guardian ctl rollout` beside it. */
export async function openRollouts(t: Test, options: FakeWorldOptions = {}) {
  const api = await openFakeApi(fleetOf())
  t.teardown(() => api[Symbol.asyncDispose]())
  const { rollouts } = api
  rollouts.policies = [
    {
      name: 'default',
      mode: 'closure',
      flake: 'git+file:///srv/infra',
      stages: [
        { name: 'canary', hosts: ['web1'] },
        { name: 'web', hosts: ['web2', 'web3'] },
      ],
    },
  ]
  rollouts.onPlan = (request) => planned(request)
  rollouts.onStart = (id) =>
    rolloutOf('running', { ...rollouts.statuses.get(id), is: 'running', settled: false, next: [] })
  const env = { GUARDIAN_SOCKET: api.socket, SUDO_USER: 'anna', PATH: process.env.PATH ?? '', ...options.env }
  const world = fakeWorld({ ...options, env })
  return {
    api,
    rollouts,
    world,
    ctl: (...argv: readonly string[]) => runCtl(['rollout', ...argv], world),
    /** One change with the event that tells of it, to whoever follows. */
    tell(status: RolloutStatus, type: string, host: string | null = null): void {
      rollouts.events.push(eventOf(rollouts.events.length + 1, type, { host, reason: status.reason }))
      api.tellRollout(status)
    },
  }
}

export function planned(request: PlanRequest, more: Partial<RolloutStatus> = {}): RolloutStatus {
  return rolloutOf('planned', {
    message: request.message,
    settled: true,
    stages: [stageOf('canary', 'pending'), stageOf('web', 'pending', { hosts: 2 })],
    hosts: [runOf('web1', 'ready'), runOf('web2', 'ready', { stage: 1 }), runOf('web3', 'noop', { stage: 1 })],
    next: ['guardian ctl rollout start r17'],
    ...more,
  })
}

/** A directory for the PATH with a `nix` that answers from a script of the test, and keeps what it was called with. */
export async function openFakeNix(t: Test, script: string) {
  const directory = await mkdtemp(join(tmpdir(), 'guardian-nix-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const calls = join(directory, 'calls')
  const file = join(directory, 'nix')
  await writeFile(calls, '')
  await writeFile(file, `#!/bin/sh\nprintf '%s\\n' "$*" >> ${calls}\n${script}\n`)
  await chmod(file, 0o755)
  return {
    env: { PATH: `${directory}:${process.env.PATH}` },
    directory,
    calls: async () => (await readFile(calls, 'utf8')).trimEnd().split('\n'),
  }
}

/** Answers as Nix does: the recorded metadata, and for each system asked for a path with the host's name. */
export const wellBehaved = `
case "$1 $2" in
  'flake metadata') cat ${metadataFile} ;;
  'build --no-link')
    for word in "$@"; do
      case $word in *#*)
        host=\${word#*nixosConfigurations.}; host=$(printf %s "\${host%%.config*}" | tr -d '"')
        lines="/nix/store/00000000000000000000000000000000-nixos-system-$host-25.11
$lines" ;;
      esac
    done
    printf '%s' "$lines" ;;
  copy*) ;;
  *) exit 9 ;;
esac`
