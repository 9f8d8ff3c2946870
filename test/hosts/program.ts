import { execFile } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const tree = fileURLToPath(new URL('../../', import.meta.url))
const bundle = join(tree, 'dist/guardian.js')
const sources = ['agent', 'bin', 'coordinator', 'ctl', 'daemon', 'gate', 'protocol', 'scripts', 'package.json']

/** The command that runs guardian as it ships, built again where a source is newer than the bundle. */
export async function guardianProgram(): Promise<readonly string[]> {
  if (!existsSync(join(tree, 'scripts/build.ts')))
    return [process.execPath, '--import', join(tree, 'node_modules/tsx/dist/loader.mjs'), join(tree, 'bin/guardian.ts')]
  const newest = Math.max(...sources.map((each) => changedAt(join(tree, each))))
  if (!existsSync(bundle) || statSync(bundle).mtimeMs < newest) {
    await promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], { cwd: tree })
  }
  return [process.execPath, bundle]
}

function changedAt(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((each) => changedAt(join(path, each))))
}
