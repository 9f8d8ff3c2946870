import { GuardianError } from '../protocol/errors.ts'
import { someOf } from './render/style.ts'

/**
 * The id that is meant by the whole of it or by its first signs; null where none begins so.
 * @throws GuardianError `unknown-hold` where several do
 */
export function idBeginning(ids: Iterable<string>, text: string): string | null {
  const fits = [...new Set(ids)].filter((id) => id.startsWith(text))
  if (fits.includes(text)) return text
  if (fits.length > 1)
    throw new GuardianError('unknown-hold', `--hold ${text}: ${fits.length} holds begin so: ${someOf(fits)}`)
  return fits[0] ?? null
}
