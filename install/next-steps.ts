import type { AgentFacts } from './agent-plan.ts'
import { isOwn } from './change.ts'
import type { CoordinatorSight } from './coordinator-facts.ts'
import type { Machine } from './machine.ts'
import { unitDir } from './plan.ts'

const psk = '/etc/guardian/psk'
const fleetKey = '/etc/guardian/fleet.key'

/** What a person has still to do on an agent's host. */
export async function afterAgent(machine: Machine, facts: AgentFacts): Promise<readonly string[]> {
  const steps: string[] = []
  const isKeyless = facts.credential && !(await machine.has(psk))
  if (isKeyless) {
    steps.push(
      `put the key of this host into ${psk}, mode 0600; where the fleet's key is: guardian keygen --host ${facts.host} --psk-file ${fleetKey}`,
    )
  }
  if (facts.needsNothing) {
    const then = isKeyless ? '' : ', then: systemctl restart io-guardian, which drains nothing'
    steps.push(
      `name the resources of this host in /etc/guardian/agent.json${then}; agent.json.example beside it explains each setting`,
    )
  }
  if (isKeyless) steps.push('run "guardian install agent" again: it starts what is ready')
  for (const { name, unit } of facts.targets) {
    const wanted = await machine.list(`${unitDir}/${unit}.wants`)
    if (wanted.length > 0 || facts.dependents.some(({ target }) => target.unit === unit)) continue
    const which = facts.targets.length === 1 ? '' : ` --target ${name}`
    steps.push(`name what depends on ${name}: guardian install agent${which} --dependent web.service`)
  }
  if (facts.rebuild && !(await machine.has('/etc/guardian/rebuild.json'))) {
    steps.push(
      'say in /etc/guardian/rebuild.json what a rebuild of this host may be ({} is a beginning); rebuild.json.example beside it explains each setting',
    )
  }
  if (facts.rebuild && !facts.takesRebuilds) {
    steps.push(
      'let the agent take rebuilds: "rebuild": {} in /etc/guardian/agent.json, then: systemctl restart io-guardian',
    )
  }
  for (const unit of await strayTargets(machine, facts)) {
    steps.push(
      `agent.json has no target of ${unit} any more, and what hangs on it starts at no later boot: "guardian uninstall agent --keep-state", which drains nothing, then "guardian install agent" with each --dependent`,
    )
  }
  if (!(await machine.has('/usr/lib/polkit-1/polkitd'))) {
    steps.push(
      'install polkit (Debian: polkitd): the agent is no root, and is allowed by polkit to stop and start its targets',
    )
  }
  return steps
}

/** Targets of an earlier installation. They are not removed: with them the guards of what hangs on them would go. */
async function strayTargets(machine: Machine, { targets }: AgentFacts): Promise<readonly string[]> {
  const strays: string[] = []
  for (const name of await machine.list(unitDir)) {
    if (!name.endsWith('.target') || targets.some(({ unit }) => unit === name)) continue
    if (isOwn((await machine.read(`${unitDir}/${name}`)) ?? '')) strays.push(name)
  }
  return strays
}

/** What a person has still to do on the coordinator's host. */
export async function afterCoordinator(
  machine: Machine,
  { facts, hosts, unbound }: CoordinatorSight,
): Promise<readonly string[]> {
  const steps: string[] = []
  if (facts.credential && !(await machine.has(fleetKey))) {
    steps.push(
      `make the key of the fleet: guardian keygen --out ${fleetKey}`,
      'run "guardian install coordinator" again: it starts what is ready',
    )
  }
  for (const resource of unbound) {
    steps.push(
      `say which unit holds the data of ${resource}: guardian install coordinator --gate ${resource}=NAME.service`,
    )
  }
  if (hosts === 0) {
    steps.push(
      'name the hosts in /etc/guardian/coordinator.json, then: systemctl reload io-guardian-coordinator; coordinator.json.example beside it explains each setting',
      'let people order the fleet: usermod -aG io-guardian-operators NAME',
    )
  }
  return steps
}
