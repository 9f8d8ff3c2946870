import type { FleetStatus } from '../../protocol/api.ts'
import { type DaemonFacts, daemonFindings, isUp } from './daemon.ts'
import { type SecretFacts, secretFindings } from './files.ts'
import { dropIn, error, type Finding, journal, systemctl, warning } from './finding.ts'
import { type HostFacts, hostFindings, statusFindings, type WaveFacts, waveFindings } from './fleet.ts'
import { type GateFacts, gateFindings } from './gate.ts'
import { type ProbeFacts, probeFindings } from './probes.ts'

/** Everything that is known of the coordinator of this host. */
export interface CoordinatorFacts {
  readonly source: string
  readonly daemon: DaemonFacts
  /** Null where nobody says where the key is, and one is needed. */
  readonly secrets: readonly SecretFacts[] | null
  readonly api: ApiFacts
  readonly socket: SocketFacts | null
  readonly gates: readonly GateFacts[]
  /** Resources that are probed on this host and have no gate. */
  readonly ungated: readonly string[]
  readonly waves: readonly WaveFacts[]
  readonly hosts: readonly HostFacts[]
  readonly probes: ProbeFacts
}

export type ApiFacts =
  | { readonly is: 'answers'; readonly status: FleetStatus }
  | { readonly is: 'silent' | 'forbidden'; readonly reason: string }

/** The API's socket file. */
export interface SocketFacts {
  readonly path: string
  readonly group: string
  readonly mode: number
  /** The agent's user, where it is in the operators' group. */
  readonly agentInGroup: string | null
}

export const operators = 'io-guardian-operators'

export function coordinatorFindings(facts: CoordinatorFacts): readonly Finding[] {
  const { api, daemon, secrets } = facts
  const build = api.is === 'answers' ? api.status.build : daemon.program
  return [
    ...(secrets === null ? [withoutKey(facts)] : secretFindings(secrets)),
    ...daemonFindings(daemon),
    ...ofApi(facts),
    ...(facts.socket === null ? [] : ofSocket(facts, facts.socket)),
    ...facts.gates.flatMap(gateFindings),
    ...facts.ungated.map(withoutGate),
    ...facts.waves.flatMap(waveFindings),
    ...hostFindings(facts.hosts, build),
    ...probeFindings(facts.probes),
    ...(api.is === 'answers' ? statusFindings(api.status) : []),
  ]
}

function withoutKey({ source }: CoordinatorFacts): Finding {
  return error('secret-missing', {
    found: `${source}: nothing says where the fleet’s key is`,
    wanted: 'pskFile there, or LoadCredential=psk:FILE in io-guardian-coordinator.service',
    run: ['guardian keygen --out /etc/guardian/fleet.key'],
  })
}

function* ofApi({ api, daemon }: CoordinatorFacts): Generator<Finding> {
  const name = daemon.unit?.unit ?? 'io-guardian-coordinator.service'
  if (api.is === 'forbidden') {
    yield warning('api-forbidden', {
      found: `the coordinator could not be asked: ${api.reason}`,
      wanted: 'run by root, or by a member of the operators’ group',
      run: ['sudo guardian doctor'],
    })
  }
  // Where the unit is down this says nothing new.
  if (api.is !== 'silent' || (daemon.unit !== null && !isUp(daemon))) return
  yield error('api-silent', {
    found: `the coordinator does not answer: ${api.reason}`,
    wanted: 'an answer on its socket',
    run: [systemctl(daemon, `status ${name}`), journal(daemon, name)],
  })
}

function* ofSocket({ daemon }: CoordinatorFacts, socket: SocketFacts): Generator<Finding> {
  const { path, group, mode, agentInGroup } = socket
  if ((mode & 0o007) !== 0) {
    yield error('socket-open', {
      found: `everybody on this host may use ${path} (mode ${(mode & 0o777).toString(8).padStart(4, '0')}) and so order the fleet`,
      wanted: 'mode 0660',
      run: [`chmod o= ${path}`],
    })
  }
  if (group !== operators) {
    yield warning('socket-group', {
      found: `${path} belongs to the group ${group}`,
      wanted: `${operators}, so that its members can order the fleet and nobody else`,
      write: dropIn(daemon, 'io-guardian-coordinator.service', 'operators', ['[Service]', `Group=${operators}`]),
      run: [
        `getent group ${operators} || groupadd --system ${operators}`,
        systemctl(daemon, 'daemon-reload'),
        systemctl(daemon, 'restart io-guardian-coordinator.service'),
      ],
    })
  }
  if (agentInGroup !== null) {
    yield error('agent-is-operator', {
      found: `${agentInGroup}, the agent’s user, is in the group ${group}: who steals the agent can order the fleet`,
      wanted: 'no agent in that group',
      run: [`gpasswd -d ${agentInGroup} ${group}`],
    })
  }
}

function withoutGate(resource: string): Finding {
  return warning('gate-none', {
    found: `${resource} is probed on this host but has no gate, so a stop of it drains nobody before it`,
    wanted: `"gate": "local" in resources.${resource}, and a gate unit`,
    run: ['guardian install coordinator'],
  })
}
