import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from './until.ts'

// On a hybrid machine processes are tracked in `unified`, and systemd mirrors its tree into the old `systemd` hierarchy.
const unified = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/unified'
const mirror = '/sys/fs/cgroup/systemd'
const mirrored = unified.endsWith('/unified') && existsSync(mirror)

/** The directory of a cgroup named as in `/proc/PID/cgroup` or a unit's ControlGroup. */
export function cgroupDirectory(group: string): string {
  return join(unified, group)
}

/** The cgroup of a process, as in `/proc/PID/cgroup`. */
export async function cgroupOf(pid: number | 'self'): Promise<string> {
  const text = await readFile(`/proc/${pid}/cgroup`, 'utf8')
  const line = text.split('\n').find((each) => each.startsWith('0::'))
  if (line === undefined)
    throw new Error('this machine has no unified cgroup hierarchy (cgroup2), which a manager needs')
  return line.slice(3)
}

/** Makes an empty cgroup beside the caller's processes; only root may, or the owner of a delegated one. */
export async function makeCgroup(group: string): Promise<void> {
  for (const directory of directoriesOf(group)) await mkdir(directory, { recursive: true })
}

/** Files that a process writes its pid to in order to enter the cgroup. */
export function entrancesOf(group: string): readonly string[] {
  return directoriesOf(group).map((directory) => join(directory, 'cgroup.procs'))
}

/** The processes in a cgroup and everything below it. */
export async function processesIn(group: string): Promise<readonly number[]> {
  const found = await Promise.all(
    (await tree(join(unified, group))).map(async (directory) =>
      readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => ''),
    ),
  )
  return found.flatMap((text) => text.split('\n').filter(Boolean).map(Number))
}

/** Ends every process of a cgroup with SIGKILL and returns without waiting: for a process that is about to exit. */
export function killCgroup(group: string): void {
  const directory = join(unified, group)
  if (!existsSync(directory)) return
  try {
    writeFileSync(join(directory, 'cgroup.kill'), '1')
  } catch {
    killOneByOne(directory)
  }
}

/** Ends every process of a cgroup, sees that none is left, and removes it. */
export async function removeCgroup(group: string): Promise<void> {
  await until(`no process is left in ${group}`, async () => {
    killCgroup(group)
    return (await processesIn(group)).length === 0
  })
  for (const directory of directoriesOf(group)) {
    await until(`${directory} is removed`, async () => {
      await removeTree(directory)
      return !existsSync(directory)
    })
  }
}

function directoriesOf(group: string): readonly string[] {
  return mirrored ? [join(unified, group), join(mirror, group)] : [join(unified, group)]
}

// Kernels before 5.14 have no cgroup.kill.
function killOneByOne(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) killOneByOne(join(directory, entry.name))
  }
  for (const pid of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It ended by itself in between.
    }
  }
}

/** A directory and those below it, deepest last. */
async function tree(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => null)
  if (entries === null) return []
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => tree(join(directory, entry.name))),
  )
  return [directory, ...below.flat()]
}

async function removeTree(directory: string): Promise<void> {
  for (const each of [...(await tree(directory))].reverse()) {
    try {
      rmdirSync(each)
    } catch {
      // Busy until the kernel has reaped what was in it; the caller looks again.
    }
  }
}
