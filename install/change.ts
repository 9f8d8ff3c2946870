import { mkdir, open, rename, rm, rmdir, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { codeOf } from '../daemon/reason.ts'
import { GuardianError } from '../protocol/errors.ts'
import { type Machine, templateOf } from './machine.ts'
import { configDir, type Plan, type PlannedFile, type PlannedWant, unitDir } from './plan.ts'

/** Something that is not yet as planned. */
export type Change =
  | { readonly type: 'write'; readonly path: string; readonly text: string }
  | { readonly type: 'link'; readonly path: string; readonly to: string; readonly want: PlannedWant }
  | { readonly type: 'remove'; readonly path: string }

/** What of a plan is missing on a machine. @throws GuardianError where a file of somebody else is in the way */
export async function changesFor(machine: Machine, plan: Plan): Promise<readonly Change[]> {
  const changes: Change[] = []
  const moved = new Map<string, string>()
  for (const file of plan.files) {
    const change = await changeOf(machine, file)
    if (change !== null) changes.push(change)
    if (change?.type === 'remove' && file.vendor !== undefined) moved.set(file.path, file.vendor.path)
  }
  for (const want of plan.wants) {
    const path = `${unitDir}/${want.by}.wants/${want.unit}`
    const isThere = await machine.has(path)
    if (isThere && !moved.has((await machine.linkOf(path)) ?? '')) continue
    const file = (await machine.unitFile(want.unit)) ?? `${unitDir}/${templateOf(want.unit)}`
    changes.push({ type: 'link', path, to: moved.get(file) ?? file, want })
  }
  for (const path of plan.stale) changes.push({ type: 'remove', path })
  return changes
}

async function changeOf(machine: Machine, { path, text, vendor, once }: PlannedFile): Promise<Change | null> {
  const there = await machine.read(path)
  const packaged = vendor === undefined ? null : await machine.read(vendor.path)
  if (there !== null) {
    if (once) return null
    if (there !== text && !isOwn(there)) throw inTheWay(path)
    // From before the package came; it would hide what the package brings from now on.
    if (packaged !== null && packaged === vendor?.text) return { type: 'remove', path }
    return there === text ? null : { type: 'write', path, text }
  }
  if (packaged === null || vendor === undefined) return { type: 'write', path, text }
  // A target may be named as one of the system's, by mistake.
  if (!packaged.includes('guardian')) throw inTheWay(vendor.path)
  return packaged === vendor.text ? null : { type: 'write', path, text }
}

/** Whether an installation wrote it. */
export function isOwn(text: string): boolean {
  return /^(#|\/\/) Written by "guardian install /.test(text)
}

function inTheWay(path: string): GuardianError {
  return new GuardianError('bad-request', `${path} is in the way: "guardian install" did not write it; move it aside`)
}

export async function carryOut(machine: Machine, change: Change): Promise<void> {
  const path = machine.at(change.path)
  if (change.type === 'remove') {
    await rm(path, { force: true })
    return await removeEmptied(machine, [change.path])
  }
  await mkdir(dirname(path), { recursive: true })
  if (change.type === 'link') {
    await rm(path, { force: true })
    return await symlink(change.to, path)
  }
  const next = join(dirname(path), `.${basename(path)}.next`)
  await write(next, change.text)
  await rename(next, path)
}

/** Removes the directories of files that are gone, where they have nothing else in them. */
export async function removeEmptied(machine: Machine, files: readonly string[]): Promise<void> {
  const directories = new Set(files.map((path) => dirname(path)))
  for (const directory of directories) if (isOurs(directory)) await rmdir(machine.at(directory)).catch(unlessFull)
}

function isOurs(directory: string): boolean {
  return (/\.(d|wants)$/.test(directory) && directory.startsWith(`${unitDir}/`)) || directory === configDir
}

export function unlessFull(cause: unknown): void {
  const code = codeOf(cause)
  if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw cause
}

async function write(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', 0o644)
  await file.writeFile(text)
  // An empty unit, as a power cut may leave one, counts as masked.
  await file.sync()
}
