import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { booted, enroll } from './booted.ts'
import { cgroupOf, entrancesOf, makeCgroup } from './cgroup.ts'
import { until } from './until.ts'

const isRoot = process.getuid?.() === 0

interface Launch {
  readonly id: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Where its output goes. */
  readonly log: string
  /** What goes as well when this process is killed, and another one ends the program. */
  readonly scratch: readonly string[]
}

/** Starts a program in a cgroup that is its own, and that it may divide. */
export async function launch({ id, command: program, environment, log, scratch }: Launch) {
  const own = isRoot && !booted ? join(await cgroupOf('self'), id) : null
  if (own !== null) await ownCgroup(id, own, scratch)
  await using output = await open(log, 'a')
  const [command, ...args] = own === null ? scoped(id, environment) : entering(own)
  const child = spawn(command, [...args, ...program], {
    // systemd-run speaks to the session's own manager, so it needs the environment of this process.
    env: own === null ? process.env : environment,
    stdio: ['ignore', output.fd, output.fd],
    detached: true,
  })
  const exited = once(child, 'exit')
  await once(child, 'spawn')
  if (child.pid === undefined) throw new Error(`${program[0]} has no pid`)
  const pid = child.pid
  const cgroup = own ?? (await scopeOf(pid, id, log))
  if (own === null) await enroll(id, { cgroup, scratch })
  return { pid, cgroup, exited }
}

async function ownCgroup(id: string, group: string, scratch: readonly string[]): Promise<void> {
  await enroll(id, { cgroup: group, scratch })
  await makeCgroup(group).catch((cause: unknown) => {
    throw new Error('cannot make a cgroup here: a host of its own needs a writable cgroup2 hierarchy', { cause })
  })
}

function entering(group: string): readonly [string, ...string[]] {
  const script = 'until [ "$1" = -- ]; do echo $$ >"$1" || exit 70; shift; done; shift; exec "$@"'
  return ['/bin/sh', '-c', script, 'sh', ...entrancesOf(group), '--']
}

// A booted machine's own systemd hands out a cgroup that it keeps its hands off.
function scoped(id: string, environment: Readonly<Record<string, string>>): readonly [string, ...string[]] {
  const whose = isRoot ? '--system' : '--user'
  const set = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return [
    'systemd-run',
    whose,
    '--scope',
    '--quiet',
    '--collect',
    '-p',
    'Delegate=yes',
    `--unit=${id}`,
    '--',
    'env',
    '-i',
    ...set,
  ]
}

async function scopeOf(pid: number, id: string, log: string): Promise<string> {
  const scope = `${id}.scope`
  try {
    return await until(`process ${pid} is in ${scope}`, async () => {
      const group = await cgroupOf(pid)
      // The manager moves itself into init.scope below it.
      const at = group.indexOf(scope)
      return at >= 0 && group.slice(0, at + scope.length)
    })
  } catch (cause) {
    const need = 'a host of its own needs root, or a session on a machine booted with systemd that may delegate cgroups'
    throw new Error(`${need}; systemd-run said: ${await readFile(log, 'utf8')}`, { cause })
  }
}
