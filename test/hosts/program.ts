import { execFile } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withLock } from './lock.ts'

const tree = fileURLToPath(new URL('../../', import.meta.url))
const bundle = join(tree, 'dist')
/** What the bundles are made from. */
export const sources = [
  'agent',
  'bin',
  'coordinator',
  'ctl',
  'daemon',
  'doctor',
  'gate',
  'install',
  'protocol',
  'rebuild',
  'scripts',
  'package.json',
]

/** Puts guardian into a directory as it ships, built again where a source is newer, and resolves with its command. */
export async function installGuardian(directory: string): Promise<readonly string[]> {
  await mkdir(directory)
  // A copy, so that a build meanwhile takes nothing away from daemons that run.
  await withLock(join(tree, '.cache/build.lock'), async () => {
    if (!isNewer(join(bundle, 'guardian.js'), sources))
      await promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], { cwd: tree })
    await cp(bundle, join(directory, 'dist'), { recursive: true })
  })
  await symlink(join(tree, 'node_modules'), join(directory, 'node_modules'))
  await cp(join(tree, 'package.json'), join(directory, 'package.json'))
  return [process.execPath, join(directory, 'dist/guardian.js')]
}

/** Whether a file is there and nothing in the tree's `paths` has changed since. */
export function isNewer(file: string, paths: readonly string[]): boolean {
  return existsSync(file) && statSync(file).mtimeMs > Math.max(...paths.map((each) => changedAt(join(tree, each))))
}

function changedAt(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((each) => changedAt(join(path, each))))
}
