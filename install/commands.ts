import type { Change } from './change.ts'
import { type Gate, gateUnitOf } from './coordinator-plan.ts'
import type { Role } from './plan.ts'

/** What the machine is like before anything is changed. */
export interface Running {
  /** False where nothing can be run there: another machine's files, or systemd is not its first process. */
  readonly systemd: boolean
  readonly active: ReadonlySet<string>
  readonly hasUsers: boolean
  readonly hasGateDir: boolean
}

export interface Next {
  readonly role: Role
  readonly changes: readonly Change[]
  readonly running: Running
  /** Whether the daemon has what it cannot start without. */
  readonly isReady: boolean
  readonly gates: readonly Gate[]
}

export type Command = readonly [string, ...string[]]

export const daemons = { agent: 'io-guardian.service', coordinator: 'io-guardian-coordinator.service' } as const
const confs = { agent: 'io-guardian.conf', coordinator: 'io-guardian-coordinator.conf' } as const
const byHand = 'io-database-coordinator.service'

/** What has to be run once the changes are made, in this order. */
export function commandsFor({ role, changes, running, isReady, gates }: Next): readonly Command[] {
  if (!running.systemd) return []
  const written = (suffix: string) => changes.some(({ type, path }) => type === 'write' && path.endsWith(suffix))
  const commands: Command[] = []
  if (!running.hasUsers || written(`sysusers.d/${confs[role]}`)) commands.push(['systemd-sysusers', confs[role]])
  if (role === 'coordinator' && (!running.hasGateDir || written('tmpfiles.d/io-guardian-coordinator.conf'))) {
    commands.push(['systemd-tmpfiles', '--create', confs.coordinator])
  }
  if (changes.some(({ path }) => path.startsWith('/etc/systemd/'))) commands.push(['systemctl', 'daemon-reload'])
  if (!isReady) return commands
  // Before the daemon: it takes the gate of a running database that has no file yet for one that is down.
  for (const gate of gates)
    if (mayStart(gate, running)) commands.push(['systemctl', 'start', gateUnitOf(gate.resource)])
  const daemon = daemons[role]
  if (!running.active.has(daemon)) commands.push(['systemctl', 'start', daemon])
  else if (changes.some(concernsDaemon)) commands.push(['systemctl', 'restart', daemon])
  if (role === 'coordinator' && !running.active.has(byHand)) {
    // Alone: with what it wants, it would start databases that somebody has stopped.
    commands.push(['systemctl', 'start', '--job-mode=ignore-dependencies', byHand])
  }
  return commands
}

/** Starting the gate of a database that does not run would start the database. */
function mayStart({ resource, units }: Gate, { active }: Running): boolean {
  return !active.has(gateUnitOf(resource)) && units.every((unit) => active.has(unit))
}

/** Drop-ins of others are theirs, links are for systemd, and examples are for reading. */
function concernsDaemon({ type, path }: Change): boolean {
  const isOthers = path.includes('.d/io-guardian.conf') && !path.includes('/io-guardian.service.d/')
  return type !== 'link' && !isOthers && !path.includes('.wants/') && !path.endsWith('.example')
}
