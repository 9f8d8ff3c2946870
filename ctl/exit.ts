import { type ExitCode, exitOfCause } from '../daemon/outcome.ts'
import type { Exits } from './table.ts'

const texts: Readonly<Record<ExitCode, string>> = {
  0: 'done, on every selected host',
  1: 'internal error',
  2: 'wrong usage or configuration',
  3: 'some hosts failed, could not persist it, or only acknowledged (v1)',
  4: 'some hosts are unreachable',
  5: 'the deadline passed first',
  6: 'refused: not authorised, superseded, or held by others',
  9: 'coordinator unreachable or no longer watched: outcome unknown',
}

/** The exit codes of every command that has none of its own. */
export const commonExits: Exits = { texts, interrupted: 9, ofCause: exitOfCause }
