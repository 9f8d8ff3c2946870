import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Fleet } from '../test/hosts/fleet.ts'

const colour = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === ''
const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)

/** The title of an act, and what is to be seen in it. */
export function title(text: string, ...about: readonly string[]): void {
  say('', paint(1, `── ${text} ${'─'.repeat(Math.max(0, 76 - text.length))}`), ...about, '')
}

export function say(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

/** What one would type, and on which host. */
export function prompt(host: string, command: string): void {
  say(paint(36, `${host}# ${command}`))
}

export function good(text: string): void {
  say(paint(32, `✓ ${text}`))
}

export function bad(text: string): void {
  say(paint(31, `✗ ${text}`))
}

/** Runs `guardian ctl …` on this terminal as a person would, and gives its exit code. */
export async function ctl(fleet: Fleet, ...args: readonly string[]): Promise<number> {
  prompt('io', `guardian ctl ${args.map(quoted).join(' ')}`)
  const [command = '', ...first] = fleet.program
  const { TERM, COLUMNS, NO_COLOR } = process.env
  const env = { ...fleet.environment, ...defined({ TERM, COLUMNS, NO_COLOR }) }
  const child = spawn(command, [...first, 'ctl', ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) say(`(exit code ${code})`)
  say('')
  return typeof code === 'number' ? code : 1
}

/** A table with its first column set right. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[column] ?? 0),
    )
    say(`  ${cells.join('  ')}`.trimEnd())
  }
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument}'`
}

function defined(from: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(from).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
