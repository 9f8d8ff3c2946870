import * as v from 'valibot'
import { limits } from './limits.ts'

/** client → server, first. Answered `v1AuthOk`, or `v1AuthInvalid` and close 1008; no key is a wrong one. */
export const v1Auth = v.object({ type: v.literal('auth'), key: v.fallback(v.string(), '') })

export const v1Actions = ['drain', 'undrain', 'ping'] as const
export type V1Action = (typeof v1Actions)[number]

/** client → server after authentication. Repeating it changes nothing. */
export const v1Command = v.object({ type: v.literal('command'), action: v.picklist(v1Actions) })

const status = v.picklist(['ok', 'error'])
const text = v.pipe(v.string(), v.maxLength(limits.frameBytes))

/** server → client: what became of the key or of one command. */
export const v1Answer = v.variant('type', [
  v.object({ type: v.literal('auth'), status, message: text }),
  v.object({ type: v.literal('response'), action: v.string(), status, message: text }),
  v.object({ type: v.literal('error'), message: text }),
])
export type V1Answer = v.InferOutput<typeof v1Answer>

// The key order and the texts are what IO Guardian's clients have always been sent.
export const v1AuthOk = { type: 'auth', status: 'ok', message: 'Authentication successful' } as const
export const v1AuthInvalid = { type: 'auth', status: 'error', message: 'Invalid key' } as const
export const v1NotAuthenticated = { type: 'error', message: 'Not authenticated' } as const
export const v1InvalidJson = { type: 'error', message: 'Invalid JSON' } as const

export function v1Response(action: V1Action, state: 'ok' | 'error', message: string) {
  return { type: 'response', action, status: state, message } as const
}

export type V1Reading =
  | { readonly is: 'auth'; readonly key: string }
  | { readonly is: 'command'; readonly action: V1Action }
  | { readonly is: 'refused'; readonly answer: Extract<V1Answer, { type: 'error' }> }

const unknown = v.optional(v.unknown())
const v1Shape = v.fallback(v.object({ type: unknown, action: unknown }), {})

/** Reads one frame of a v1 client; what cannot be read becomes the error that IO Guardian answers. */
export function readV1(frame: string): V1Reading {
  let input: unknown
  try {
    input = JSON.parse(frame)
  } catch {
    return { is: 'refused', answer: v1InvalidJson }
  }
  const auth = v.safeParse(v1Auth, input)
  if (auth.success) return { is: 'auth', key: auth.output.key }
  const command = v.safeParse(v1Command, input)
  if (command.success) return { is: 'command', action: command.output.action }
  const { type, action } = v.parse(v1Shape, input)
  const text = type === 'command' ? `Unknown action: ${shown(action)}` : `Unknown message type: ${shown(type)}`
  return { is: 'refused', answer: { type: 'error', message: text } }
}

// As Python prints a value, because IO Guardian does.
function shown(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, limits.nameLength)
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return 'None'
}
