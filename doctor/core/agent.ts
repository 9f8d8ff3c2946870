import { type DaemonFacts, daemonFindings, isUp } from './daemon.ts'
import { dependentFindings } from './dependents.ts'
import { type May, type SecretFacts, secretFindings } from './files.ts'
import { error, type Finding, journal, systemctl } from './finding.ts'
import { type MarkerFacts, markerFindings } from './marker.ts'
import { type ProbeFacts, probeFindings } from './probes.ts'
import { type RightsFacts, rightFindings } from './rights.ts'
import { agentUnit, type TargetFacts, targetFindings } from './target.ts'

/** Everything that is known of the agent of this host. */
export interface AgentFacts {
  /** Its configuration, for a person. */
  readonly source: string
  /** The file, where it is one, and whether the agent's user may read it. */
  readonly file: { readonly path: string; readonly readable: May } | null
  readonly daemon: DaemonFacts
  readonly user: string
  /** Empty where certificates are used alone; null where nobody says where the key is. */
  readonly secrets: readonly SecretFacts[] | null
  readonly door: DoorFacts
  readonly rights: RightsFacts
  readonly stateDir: DirectoryFacts
  /** Null where systemd could not be asked. */
  readonly targets: readonly TargetFacts[] | null
  readonly markers: readonly MarkerFacts[]
  readonly probes: ProbeFacts
}

export interface DoorFacts {
  readonly address: string
  readonly port: number
  readonly is:
    | { readonly is: 'ready' }
    | { readonly is: 'not-ready'; readonly lines: readonly string[] }
    /** Somebody answers, but no agent. */
    | { readonly is: 'stranger' }
    | { readonly is: 'closed'; readonly reason: string }
}

export interface DirectoryFacts {
  readonly path: string
  readonly isThere: boolean
  readonly writable: May
  /** systemd makes it when the daemon starts. */
  readonly isMade: boolean
}

export function agentFindings(facts: AgentFacts): readonly Finding[] {
  return [
    ...ofFile(facts),
    ...(facts.secrets === null ? [withoutKey(facts)] : secretFindings(facts.secrets)),
    ...daemonFindings(facts.daemon),
    ...ofDoor(facts),
    ...rightFindings(facts.rights),
    ...ofStateDir(facts),
    ...(facts.targets ?? []).flatMap((target) => [...targetFindings(target), ...dependentFindings(target)]),
    ...facts.markers.flatMap(markerFindings),
    ...probeFindings(facts.probes),
  ]
}

function* ofFile({ file, user }: AgentFacts): Generator<Finding> {
  if (file === null || file.readable !== false) return
  yield error('config-unreadable', {
    found: `${file.path} may not be read by ${user}`,
    wanted: 'readable by the agent: it holds no secret',
    run: [`chmod 644 ${file.path}`],
  })
}

function withoutKey({ source }: AgentFacts): Finding {
  return error('secret-missing', {
    found: `${source}: nothing says where the key is`,
    wanted: 'pskFile there, or LoadCredential=psk:FILE in io-guardian.service',
    run: ['guardian keygen --host NAME --psk-file FLEETKEY --out NAME.key, where the fleet’s key is; bring it here'],
  })
}

function* ofDoor({ daemon, door: { address, port, is } }: AgentFacts): Generator<Finding> {
  const name = daemon.unit?.unit ?? agentUnit
  const lines = is.is === 'not-ready' ? is.lines : []
  for (const line of lines) {
    yield error('agent-not-ready', {
      found: `the agent runs but is not ready: ${line}`,
      wanted: 'ready',
      run: [journal(daemon, name)],
    })
  }
  if (is.is === 'stranger') {
    yield error('port-taken', {
      found: `what answers on ${address} port ${port} is no agent`,
      wanted: 'the agent',
      run: [`ss -ltnp 'sport = :${port}'`],
    })
  }
  // Where the unit is down a closed port says nothing new.
  if (is.is === 'closed' && (daemon.unit === null || isUp(daemon))) {
    yield error('port-closed', {
      found: `no agent answers on ${address} port ${port}: ${is.reason}`,
      wanted: 'the coordinator reaches it there',
      run: [systemctl(daemon, `status ${name}`), journal(daemon, name)],
    })
  }
}

function* ofStateDir({ stateDir, user, daemon }: AgentFacts): Generator<Finding> {
  const { path, isThere, isMade, writable } = stateDir
  if (!isThere && !(isMade && !isUp(daemon))) {
    yield error('state-dir-missing', {
      found: `the state directory ${path} does not exist`,
      wanted: 'a directory of the agent’s, on a disk that stays',
      run: [`install -d -o ${user} -m 0750 ${path}`],
    })
  }
  if (!isThere || writable !== false) return
  yield error('state-dir-unwritable', {
    found: `${user} may not write to the state directory ${path}, so no drain outlives a reboot`,
    wanted: `owned by ${user}, on a disk that can be written`,
    run: [`chown -R ${user} ${path}`],
  })
}
