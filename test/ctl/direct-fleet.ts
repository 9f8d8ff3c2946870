import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { runCtl } from '../../ctl/main.ts'
import type { Hold } from '../../protocol/hold.ts'
import { parseKeys } from '../../protocol/keys.ts'
import { openFakeAgents } from '../fakes/v2-agent.ts'
import { fakeWorld } from '../fakes/world.ts'

export const line = 'a key of more than thirty-two characters'
const [key] = parseKeys(line, 'test')
export const target = 'io-databases'

/** Agents that `guardian ctl --direct` speaks to, and how to call it. */
export async function openDirect(
  t: Test,
  options: {
    readonly names?: readonly string[]
    readonly targets?: readonly string[]
    readonly workMs?: number
    readonly derived?: boolean
  } = {},
) {
  const { names = ['web1', 'web2'], targets = [target], workMs = 20, derived = false } = options
  const directory = await mkdtemp(join(tmpdir(), 'guardian-direct-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const pskFile = join(directory, 'psk')
  await writeFile(pskFile, `${line}\n`, { mode: 0o600 })
  const keyOf = (host: string) => (key === undefined ? [] : [derived ? key.derive(host) : key])
  const agents = await openFakeAgents({ hosts: names, targets, keyOf, workMs })
  t.teardown(() => agents[Symbol.asyncDispose]())
  const hosts = names.map((name) => `${name}=127.0.0.1`).join(',')
  const env = {
    GUARDIAN_HOSTS: hosts,
    GUARDIAN_PSK_FILE: pskFile,
    GUARDIAN_PORT: String(agents.port),
    GUARDIAN_TIMEOUT: '20',
  }
  const world = fakeWorld({ env })
  return { agents, world, pskFile, env, ctl: (...argv: readonly string[]) => runCtl(['--direct', ...argv], world) }
}

export const hold = (id: string, owner: Hold['owner']): Hold => ({
  id,
  owner,
  message: '',
  sinceMs: 1,
  selector: '*',
  except: [],
})
