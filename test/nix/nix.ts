import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const bytesMax = 256 * 1024 * 1024

/** Why nothing can be parsed here; false where it can. As `skip` of a test says it. */
export const noParser: string | false = (await versionOf('nix-instantiate')) === null ? 'there is no nix here' : false

/** A tree of nixpkgs. */
export const nixpkgs = process.env.GUARDIAN_NIXPKGS ?? ''

/** Why nothing can be evaluated here; false where it can. */
export const noEvaluation: string | false = await whyNot()

async function whyNot(): Promise<string | false> {
  if (nixpkgs === '') return 'GUARDIAN_NIXPKGS names no tree of nixpkgs'
  const version = await versionOf('nix')
  if (version === null) return 'there is no nix here'
  const [major = 0, minor = 0] = version
  return major > 2 || (major === 2 && minor >= 18) ? false : `nix is ${version.join('.')}, and must be at least 2.18`
}

async function versionOf(program: string): Promise<readonly number[] | null> {
  try {
    const { stdout } = await execute(program, ['--version'])
    const [, major, minor] = / (\d+)\.(\d+)/.exec(stdout) ?? []
    return major === undefined || minor === undefined ? null : [Number(major), Number(minor)]
  } catch {
    return null
  }
}

/** Rejects with what nix says of a file that is no Nix. */
export async function parse(file: string): Promise<void> {
  await execute('nix-instantiate', ['--parse', file], { maxBuffer: bytesMax })
}

/**
 * The JSON of an attribute of a file's function, which is given the tree of nixpkgs. Nothing is built, and without a
 * directory for a store nothing is written.
 */
export async function evaluate(file: string, attribute: string, storeDir?: string): Promise<unknown> {
  const store =
    storeDir === undefined
      ? ['--store', 'dummy://']
      : ['--store', `local?root=${storeDir}`, '--read-write-mode', '--option', 'build-users-group', '']
  const { stdout } = await execute(
    'nix-instantiate',
    [...store, '--eval', '--strict', '--json', file, '-A', attribute, '--arg', 'nixpkgs', nixpkgs],
    { maxBuffer: bytesMax },
  )
  const value: unknown = JSON.parse(stdout)
  return value
}
