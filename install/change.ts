import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { GuardianError } from '../protocol/errors.ts'
import type { Machine } from './machine.ts'
import { type Plan, type PlannedFile, type PlannedWant, unitDir } from './plan.ts'

/** Something that is not yet as planned. */
export type Change =
  | { readonly type: 'write'; readonly path: string; readonly text: string }
  | { readonly type: 'link'; readonly path: string; readonly to: string; readonly want: PlannedWant }

/** What of a plan is missing on a machine. @throws GuardianError where a file of somebody else is in the way */
export async function changesFor(machine: Machine, plan: Plan): Promise<readonly Change[]> {
  const changes: Change[] = []
  for (const file of plan.files)
    if (await isMissing(machine, file)) changes.push({ type: 'write', ...pathAndText(file) })
  for (const want of plan.wants) {
    const path = `${unitDir}/${want.by}.wants/${want.unit}`
    if (await machine.has(path)) continue
    const to = (await machine.unitFile(want.unit)) ?? `${unitDir}/${want.unit.replace(/@[^.]*\./, '@.')}`
    changes.push({ type: 'link', path, to, want })
  }
  return changes
}

function pathAndText({ path, text }: PlannedFile): { readonly path: string; readonly text: string } {
  return { path, text }
}

async function isMissing(machine: Machine, file: PlannedFile): Promise<boolean> {
  const there = await machine.read(file.path)
  if (there !== null) {
    if (file.once || there === file.text) return false
    if (!isOwn(there)) throw inTheWay(file.path)
    return true
  }
  if (file.vendor === undefined) return true
  const packaged = await machine.read(file.vendor.path)
  // A target may be named as one of the system's, by mistake.
  if (packaged !== null && !packaged.includes('guardian')) throw inTheWay(file.vendor.path)
  return packaged !== file.vendor.text
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
  await mkdir(dirname(path), { recursive: true })
  if (change.type === 'link') return await symlink(change.to, path)
  const next = join(dirname(path), `.${basename(path)}.next`)
  await writeFile(next, change.text)
  await chmod(next, 0o644)
  await rename(next, path)
}
