import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Context } from '../context.ts'
import { harmless } from '../render/style.ts'

export interface ChildParts {
  /** Each line that it says on stderr. */
  readonly heard: (line: string) => void
  /** What is to be done where there is no such program. */
  readonly missing: string
}

const shownLines = 20

/**
 * Runs a program to its end and resolves with what it wrote to stdout.
 * @throws GuardianError `bad-config` where there is none, `blocked` with its last lines where it fails
 */
export async function runChild(
  context: Context,
  file: string,
  args: readonly string[],
  { heard, missing }: ChildParts,
): Promise<string> {
  const child = spawn(file, args, { env: context.world.env, stdio: ['ignore', 'pipe', 'pipe'], signal: context.signal })
  const last: string[] = []
  const keep = (line: string): void => {
    last.push(line)
    if (last.length > shownLines) last.shift()
    heard(line)
  }
  const [exit, out] = await Promise.all([exitOf(child), linesOf(child.stdout, () => {}), linesOf(child.stderr, keep)])
  if (context.signal.aborted)
    throw new GuardianError('no-coordinator', 'interrupted: nothing was planned', { sent: 'no' })
  if (exit === 0) return out
  if (codeOf(exit) === 'ENOENT') throw new GuardianError('bad-config', `${file} is not on the PATH: ${missing}`)
  const how = exit instanceof Error ? exit.message : `exit ${exit}`
  const said = last.length === 0 ? '' : `, its last lines:\n${last.map((line) => `  ${line}`).join('\n')}`
  throw new GuardianError('blocked', `${[file, ...args.slice(0, 2)].join(' ')} failed (${how})${said}`)
}

function exitOf(child: ChildProcess): Promise<number | string | Error> {
  return new Promise((resolve) => {
    child.on('error', resolve)
    child.on('close', (code, signal) => resolve(code ?? String(signal)))
  })
}

/** The whole text; every line is told as it comes, without what would draw on a terminal. */
async function linesOf(stream: NodeJS.ReadableStream, heard: (line: string) => void): Promise<string> {
  const lines: string[] = []
  for await (const line of createInterface({ input: stream })) {
    const plain = harmless(line)
    lines.push(plain)
    heard(plain)
  }
  return lines.join('\n')
}
