import { execFile } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { canNotify } from '../daemon/notify.ts'
import { codeOf } from '../daemon/reason.ts'
import { GuardianError } from '../protocol/errors.ts'
import type { Command } from './commands.ts'
import { quoted, shippedProgram } from './unit-text.ts'

/** What an installation touches besides files. */
export interface World {
  readonly isRoot: boolean
  /** Whether systemd runs this machine. */
  readonly systemd: boolean
  readonly program: string
  readonly notifies: boolean
  readonly say: (line: string) => void
  readonly run: (command: Command) => Promise<Outcome>
}

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export function openWorld(): World {
  process.stdout.on('error', ignoreClosedPipe)
  return {
    isRoot: process.getuid?.() === 0,
    systemd: existsSync('/run/systemd/system'),
    program: programOf(process.argv[1] ?? ''),
    notifies: canNotify(),
    say: (line) => process.stdout.write(`${line}\n`),
    run,
  }
}

// `guardian install agent --dry-run | head` is no failure.
function ignoreClosedPipe(cause: Error): void {
  if (codeOf(cause) !== 'EPIPE') throw cause
}

/** How a unit calls the program that runs now: units have no PATH of a person's. */
function programOf(called: string): string {
  const script = realpathSync(called)
  const isShipped = existsSync(shippedProgram) && realpathSync(shippedProgram) === script
  const isPlain = isShipped && !readFileSync(script, 'utf8').slice(0, 100).startsWith('#!/usr/bin/env')
  return isPlain ? shippedProgram : [process.execPath, script].map(quoted).join(' ')
}

const hidden = /(^|[ "])\/(home|root|tmp|var\/tmp|run\/user)\//

/** @throws GuardianError where the units would not see the program */
export function refuseHidden({ program }: World): void {
  if (!hidden.test(program)) return
  const text = `units do not see ${program} (ProtectHome=, PrivateTmp=): install guardian elsewhere, "npm install -g" as root does`
  throw new GuardianError('bad-request', text)
}

function run([file, ...args]: Command): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(file, args, (failure, out, err) => {
      const code = failure === null ? 0 : typeof failure.code === 'number' ? failure.code : 255
      resolve({ code, out, err: failure !== null && err === '' ? failure.message : err })
    })
  })
}
