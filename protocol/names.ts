import * as v from 'valibot'
import { limits } from './limits.ts'

const name = v.pipe(
  v.string(),
  v.maxLength(limits.nameLength),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, ".", "_" or "-", beginning with a letter or digit'),
)

export const hostName = name
export const targetName = name
export const resourceName = name
/** A systemd unit name with its suffix, `postgresql@15-main.service`. */
export const unitName = v.pipe(
  v.string(),
  v.maxLength(limits.nameLength),
  v.regex(
    /^[A-Za-z0-9:_.\\@-]+\.(service|target|timer|socket|mount|automount|path|slice|scope|swap|device)$/,
    'must be a systemd unit name with its suffix, such as "web.service"',
  ),
)
/** Random 128 bits in hex; `<resource>/<boot id>/<seq>` of a gate; `v1/…`, `self/…` and `direct/…` of an agent. */
export const holdId = v.pipe(v.string(), v.maxLength(limits.nameLength), v.regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/))
export const instanceId = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))
export const bootId = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))
export const commandId = v.pipe(v.string(), v.minLength(1), v.maxLength(64))
/** Control characters would let a text draw on a terminal. */
export const printable = v.regex(
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  /^[^\u0000-\u001f\u007f-\u009f]*$/,
  'must not contain control characters',
)
/** Free text of a person. */
export const message = v.pipe(v.string(), v.maxLength(limits.messageLength), printable)

/** What a peer or a library said, as a `message`: nobody else's answer is to fail over it. */
export function asMessage(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ').slice(0, limits.messageLength)
}

export const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
/** A span in milliseconds, one year at most. */
export const spanMs = v.pipe(counter, v.maxValue(366 * 86_400_000))
/** Wall clock, milliseconds since 1970; only ever shown, never compared. */
export const wallMs = counter
