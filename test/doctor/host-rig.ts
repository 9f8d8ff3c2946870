import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from '../../doctor/core/finding.ts'
import { survey } from '../../doctor/survey.ts'
import { generateKey } from '../../protocol/keys.ts'
import { freePort, loopbackAddress } from '../hosts/addresses.ts'
import { targetName } from '../hosts/fleet.ts'
import { hostPaths, layOutHost } from '../hosts/fleet-host.ts'
import type { Dependent } from '../hosts/graph.ts'
import { type Manager, type Outcome, run, startManager } from '../hosts/manager.ts'
import { installGuardian } from '../hosts/program.ts'

/** A real systemd with an agent as its unit, everything as it should be. */
export interface HostRig extends AsyncDisposable {
  readonly host: Manager
  readonly paths: ReturnType<typeof hostPaths>
  findings(): Promise<readonly Finding[]>
  /** The program as it ships. */
  doctor(...words: readonly string[]): Promise<Outcome>
  /** Rules that found something, each as often as it did. */
  rules(): Promise<readonly string[]>
}

export const top = `${targetName}.target`

export async function openHostRig(dependents: readonly Dependent[]): Promise<HostRig> {
  const host = await startManager({ name: 'patient' })
  try {
    const address = loopbackAddress()
    const program = await installGuardian(join(host.root, 'guardian'))
    const nobody = { unit: 'none.service', address, port: 1 }
    await writeFile(join(host.root, 'boot-id'), 'b'.repeat(32))
    await layOutHost({
      host,
      options: {
        dependents: () => dependents,
        agent: { resources: {}, targets: { [targetName]: {} }, expectCoordinator: false, log: { level: 'fatal' } },
      },
      databases: { postgres: nobody, redis: nobody },
      place: { address, port: await freePort(address) },
      program,
      key: generateKey(),
    })
    await host.systemctl('start', 'io-guardian.service', top)
    return rigOf(host, program)
  } catch (cause) {
    await host.stop()
    throw cause
  }
}

function rigOf(host: Manager, [command = '', ...first]: readonly string[]): HostRig {
  const paths = hostPaths(host)
  const findings = async () => (await survey({ configs: [paths.config], bus: host.bus })).findings
  return {
    host,
    paths,
    findings,
    doctor: (...words) => run(command, [...first, 'doctor', ...words], host.environment),
    rules: async () => (await findings()).map(({ rule }) => rule),
    [Symbol.asyncDispose]: host.stop,
  }
}
