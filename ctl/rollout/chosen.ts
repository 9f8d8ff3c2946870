import * as v from 'valibot'
import { GuardianError } from '../../protocol/errors.ts'
import { hostName } from '../../protocol/names.ts'
import type { RolloutList, RolloutStateName } from '../../protocol/rollout/api.ts'
import { rolloutId } from '../../protocol/v2/job.ts'
import type { Context } from '../context.ts'
import { decodeOptions } from '../settings.ts'
import type { RolloutClient } from './client.ts'

/** Hosts may be on their way. */
export const underWay: readonly RolloutStateName[] = ['running', 'paused', 'aborting', 'rolling-back']

/** What a command does to a rollout, and where that makes sense. */
export interface Wanted {
  /** Empty where any will do. */
  readonly states: readonly RolloutStateName[]
  /** For the refusal: `planned`, `under way`. */
  readonly what: string
}

export const any: Wanted = { states: [], what: 'there' }

/**
 * The id that was given, or the newest rollout that fits: one under way, else the last. Which one is said on stderr, so
 * that nobody steers another one than was meant.
 */
export async function chosenId(
  context: Context,
  client: RolloutClient,
  word: string | undefined,
  { states, what }: Wanted,
): Promise<string> {
  if (word !== undefined) return idOf(word)
  const list = await client.list()
  const fits = list.filter(({ is }) => states.length === 0 || states.includes(is))
  const one = fits.find(({ is }) => underWay.includes(is)) ?? fits[0]
  if (one === undefined) throw new GuardianError('unknown-rollout', noneFits(list, what))
  context.world.err.write(`${one.id}: ${one.policy}, ${one.is}\n`)
  return one.id
}

/** `[ID] [HOST]`: one word alone is an id where it looks so. */
export function idAndHost([first, second]: readonly string[]): {
  readonly id: string | undefined
  readonly host: string | undefined
} {
  const isHost = first !== undefined && second === undefined && !isRolloutId(first)
  const host = isHost ? first : second
  return {
    id: isHost ? undefined : first,
    host: host === undefined ? undefined : decodeOptions(v.object({ host: hostName }), { host }).host,
  }
}

export function isRolloutId(word: string): boolean {
  return v.is(rolloutId, word)
}

function idOf(word: string): string {
  if (isRolloutId(word)) return word
  throw new GuardianError(
    'bad-request',
    `${JSON.stringify(word)} is no rollout: ids are such as r17; see guardian ctl rollout history`,
  )
}

function noneFits(list: RolloutList, what: string): string {
  const [last] = list
  if (last === undefined) return 'there is no rollout yet: begin with guardian ctl rollout plan'
  return `no rollout is ${what}: the last one, ${last.id}, is ${last.is}; see guardian ctl rollout history`
}
