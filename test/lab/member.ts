import { appendFile, chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Worker } from './cast.ts'
import type { Host } from './host.ts'

/** What a host that lives from the databases is to be. */
export interface MemberPlan {
  readonly tags: readonly string[]
  /** Its one target, as guardian and as systemd call it. */
  readonly target: string
  readonly targetUnit: string
  readonly needs: readonly string[]
  readonly workers: readonly Worker[]
  /** Added to agent.json. */
  readonly agent?: object
}

export interface Member extends MemberPlan {
  readonly host: Host
  /** Every unit that must not run while it is drained. */
  readonly units: readonly string[]
}

export function memberOf(host: Host, plan: MemberPlan): Member {
  return { ...plan, host, units: [plan.targetUnit, ...plan.workers.map(({ unit }) => unit)] }
}

/** Its services as its administrator had them, started at every boot, and reached by the name of their database. */
export async function layWorkers({ host, workers }: Member, io: Host): Promise<void> {
  await appendFile(join(host.root, 'etc/hosts'), `${io.address} io\n`)
  for (const { unit, text } of workers) await writeFile(join(host.root, 'etc/systemd/system', unit), text)
  await host.systemctl('daemon-reload')
  await host.systemctl('enable', ...workers.map(({ unit }) => unit))
}

/** As the installation guide has it: key and configuration, then install, with the services that hang on a database. */
export async function installAgent(member: Member, key: string): Promise<void> {
  const { host, target, workers } = member
  const etc = join(host.root, 'etc/guardian')
  await mkdir(etc, { recursive: true })
  await writeFile(join(etc, 'psk'), key, { mode: 0o600 })
  await chmod(join(etc, 'psk'), 0o600)
  await writeFile(join(etc, 'agent.json'), JSON.stringify(agentConfig(member), null, 2))
  // One of second level hangs on another service, and needs nothing.
  const first = workers.filter(({ text }) => !text.includes('Requires='))
  const dependents = first.flatMap(({ unit }) => ['--dependent', unit])
  await host.run('guardian', 'install', 'agent', '--target', target, ...dependents)
}

function agentConfig({ host, target, targetUnit, needs, agent }: Member): object {
  const probes: Readonly<Record<string, object>> = {
    postgresql: { type: 'postgres', host: 'io', port: 5432, every: '500ms' },
    redis: { type: 'redis', host: 'io', port: 6379, every: '500ms' },
  }
  return {
    host: host.name,
    targets: { [target]: { unit: targetUnit, needs } },
    resources: Object.fromEntries(Object.entries(probes).filter(([name]) => needs.includes(name))),
    ...agent,
  }
}
