import type * as v from 'valibot'
import { GuardianError } from '../protocol/errors.ts'
import { parseSelector } from '../protocol/selector.ts'
import type { CoordinatorFile } from './config.ts'

/** One refusal of a config whose fields are each fine: where in the file, and why. */
export interface Refusal {
  readonly message: string
  /** What was found there. */
  readonly input: unknown
  readonly path: [v.UnknownPathItem, ...v.UnknownPathItem[]]
}

export function selectorFault(selector: string): string | null {
  try {
    parseSelector(selector)
    return null
  } catch (cause) {
    if (cause instanceof GuardianError) return cause.message
    throw cause
  }
}

export function list(names: readonly string[]): string {
  if (names.length === 0) return 'is none'
  return `${names.length === 1 ? 'is' : 'are'} ${names.slice(0, 20).join(', ')}`
}

export function refuse(config: CoordinatorFile, keys: readonly (string | number)[], message: string): Refusal {
  const [first, ...rest] = keys.map(
    (key): v.UnknownPathItem => ({ type: 'unknown', origin: 'value', input: config, key, value: null }),
  )
  if (first === undefined) throw new Error('a refusal without a path')
  return { message, input: valueAt(config, keys), path: [first, ...rest] }
}

function valueAt(config: unknown, keys: readonly (string | number)[]): unknown {
  let value = config
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) return null
    value = Object.getOwnPropertyDescriptor(value, key)?.value
  }
  return value ?? null
}
