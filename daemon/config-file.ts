import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { GuardianError } from '../protocol/errors.ts'
import { allowedKeys, nearest } from './config-keys.ts'
import { codeOf } from './reason.ts'

const issuesMax = 5

/** @throws GuardianError `bad-config` with one line per fault: file, path in it, what was found and what is allowed */
export async function readConfig<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw bad(`${path}: ${whyNotRead(cause)}`, path, cause)
  })
  return decodeConfig(path, parse(path, text), schema)
}

/** The decoding half of `readConfig`, for values that come from flags or the environment. */
export function decodeConfig<T>(source: string, input: unknown, schema: v.GenericSchema<unknown, T>): T {
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  const lines = result.issues.slice(0, issuesMax).map((issue) => `${source}: ${describe(schema, input, issue)}`)
  const more = result.issues.length - issuesMax
  if (more > 0) lines.push(`${source}: and ${more} more`)
  throw bad(lines.join('\n'), source)
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw bad(`${path}: not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, path, cause)
  }
}

function whyNotRead(cause: unknown): string {
  const code = codeOf(cause)
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return `may not be read by user id ${process.getuid?.()}`
  return `cannot be read (${code})`
}

function bad(text: string, file: string, cause?: unknown): GuardianError {
  return new GuardianError('bad-config', text, { file }, { cause })
}

function describe(schema: unknown, input: unknown, issue: v.BaseIssue<unknown>): string {
  const dotPath = v.getDotPath(issue)
  const where = dotPath === null ? '' : `${dotPath}: `
  const keys = issue.path?.map((item) => item.key) ?? []
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return `${where}${unknownKey(String(keys.at(-1)), allowedKeys(schema, input, keys.slice(0, -1)))}`
  }
  // A check over the whole says in its message what it found.
  if (issue.type === 'raw_check' || issue.type === 'check') {
    return typeof issue.input === 'object'
      ? `${where}${issue.message}`
      : `${where}found ${show(issue.input)}, ${issue.message}`
  }
  if (issue.received === 'undefined') return `${where}is missing`
  return `${where}found ${show(issue.input)}, ${wanted(issue)}`
}

function unknownKey(key: string, allowed: readonly string[]): string {
  const meant = nearest(key, allowed)
  const hint = meant === null ? '' : `did you mean ${JSON.stringify(meant)}? `
  return `no such setting; ${hint}allowed are ${allowed.join(', ')}`
}

function wanted(issue: v.BaseIssue<unknown>): string {
  // Messages of our own say what must be; valibot's own are put into the same words.
  if (!issue.message.startsWith('Invalid ')) return issue.message
  const expected = issue.expected ?? 'something else'
  switch (issue.type) {
    case 'min_value':
      return `must be at least ${expected.slice(2)}`
    case 'max_value':
      return `must be at most ${expected.slice(2)}`
    case 'min_length':
      return `must have a length of at least ${expected.slice(2)}`
    case 'max_length':
      return `must have a length of at most ${expected.slice(2)}`
    default:
      return `must be ${readable(expected)}`
  }
}

const plainNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  Object: 'an object',
  Array: 'a list',
}

function readable(expected: string): string {
  const parts = expected.replaceAll(/[()]/g, '').split(' | ')
  return parts.map((part) => plainNames[part] ?? part).join(' or ')
}

function show(input: unknown): string {
  if (Array.isArray(input)) return 'a list'
  if (typeof input === 'object' && input !== null) return 'an object'
  const text = JSON.stringify(input) ?? String(input)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}
