import { basename } from 'node:path'
import * as v from 'valibot'
import { agentFile } from '../agent/config.ts'
import { coordinatorFile } from '../coordinator/config.ts'
import { readConfig } from '../daemon/config-file.ts'

export type ConfigKind = 'agent' | 'coordinator'

/** Whose configuration a file is, by its settings, or by its name where those say nothing. */
export async function kindOfConfig(file: string): Promise<ConfigKind> {
  const settings = Object.keys(await readConfig(file, v.record(v.string(), v.unknown())))
  const known = (entries: object): number => settings.filter((setting) => setting in entries).length
  const more = known(coordinatorFile.entries) - known(agentFile.entries)
  const isCoordinators = more === 0 ? basename(file).includes('coordinator') : more > 0
  return isCoordinators ? 'coordinator' : 'agent'
}
