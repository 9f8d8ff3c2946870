import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { removeCgroup } from './cgroup.ts'
import { startOf, withLock } from './lock.ts'

// `systemd --user` starts only where this exists, and package installs look at it, so it must go with the last manager.
const sign = '/run/systemd/system'
const registry =
  process.getuid?.() === 0
    ? '/run/guardian-hosts'
    : join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `guardian-hosts-${process.getuid?.()}`)
const made = join(registry, 'made-sign')
const lock = join(registry, 'lock')
const locked = <T>(work: () => Promise<T>) => withLock(lock, work)

const entry = v.object({
  owner: v.number(),
  ownerStarted: v.string(),
  cgroup: v.nullable(v.string()),
  scratch: v.array(v.string()),
  /** Network namespaces of this name, and those whose names begin with it and a dash. */
  network: v.optional(v.string()),
})

/** Whether PID 1 is systemd. */
export const booted = existsSync(sign) && readFileSync('/proc/1/comm', 'utf8').trim() === 'systemd'

/** Notes a manager, so that whoever comes later can end it when its owner was killed, and makes systemd willing to start. */
export async function enroll(
  id: string,
  host: { readonly cgroup: string | null; readonly scratch: readonly string[]; readonly network?: string },
): Promise<void> {
  await locked(async () => {
    await sweepLocked()
    const note = { owner: process.pid, ownerStarted: startOf(process.pid), ...host }
    await writeFile(join(registry, `${id}.host`), JSON.stringify(note))
    if (existsSync(sign)) return
    await writeFile(made, '')
    await mkdir(sign, { recursive: true })
  })
}

export async function strike(id: string): Promise<void> {
  await locked(async () => {
    await rm(join(registry, `${id}.host`), { force: true })
    await leaveLocked()
  })
}

/** Ends what managers of killed processes left behind. */
export async function sweep(): Promise<readonly string[]> {
  if (!existsSync(registry)) return []
  return locked(async () => {
    const swept = await sweepLocked()
    await leaveLocked()
    return swept
  })
}

async function sweepLocked(): Promise<readonly string[]> {
  const notes: (readonly [name: string, note: v.InferOutput<typeof entry>])[] = []
  for (const name of await hosts()) {
    const note = v.parse(v.pipe(v.string(), v.parseJson(), entry), await readFile(join(registry, name), 'utf8'))
    if (startOf(note.owner) !== note.ownerStarted) notes.push([name, note])
  }
  // First every process of all of them: one may have mounted what belongs to another.
  for (const [, { cgroup }] of notes) if (cgroup !== null) await removeCgroup(cgroup)
  for (const [name, { scratch, network }] of notes) {
    if (network !== undefined) await removeNamespaces(network)
    for (const each of scratch) {
      await unmountBelow(each)
      await rm(each, { recursive: true, force: true })
    }
    await rm(join(registry, name))
  }
  return notes.map(([name]) => name)
}

/** Interfaces go with the namespace that they are in. */
export async function removeNamespaces(network: string): Promise<void> {
  const names = await readdir('/run/netns').catch(() => [])
  for (const name of names.filter((each) => each === network || each.startsWith(`${network}-`))) {
    await promisify(execFile)('ip', ['netns', 'delete', name])
  }
}

/** A killed test leaves the small disks that it mounted, and nothing above a mount can be removed. */
export async function unmountBelow(directory: string): Promise<void> {
  const points = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '')
  for (const point of points.filter((each) => each.startsWith(`${directory}/`)).reverse()) {
    await promisify(execFile)('umount', ['--lazy', point])
  }
}

async function leaveLocked(): Promise<void> {
  if ((await hosts()).length > 0 || !existsSync(made)) return
  await rmdir(sign).catch(() => undefined)
  await rm(made)
}

async function hosts(): Promise<readonly string[]> {
  return (await readdir(registry)).filter((name) => name.endsWith('.host'))
}
