import { type ApiClient, createApiClient } from '../daemon/api-client.ts'
import { fleetStatus } from '../protocol/api.ts'
import { placeOf, settingsOf } from './settings.ts'
import type { World } from './world.ts'

const limitMs = 500

/** What a shell may offer for a word of these kinds, one a line; nothing where nobody answers. Never an error. */
export async function completeNames(kinds: readonly string[], world: World): Promise<number> {
  try {
    const client = createApiClient(await placeOf(settingsOf({}, world.env)))
    const words = await Promise.all(kinds.map((kind) => namesOf(client, kind)))
    for (const word of words.flat()) world.out.write(`${word}\n`)
  } catch {
    // A shell that completes shows no errors: there is simply nothing to offer.
  }
  return 0
}

async function namesOf(client: ApiClient, kind: string): Promise<readonly string[]> {
  if (kind === 'rollout' || kind === 'policy') {
    const { rolloutNames } = await import('./rollout/complete-names.ts')
    return rolloutNames(client, kind, limitMs)
  }
  const { hosts, holds } = await client.get('/v1/status', fleetStatus, { limitMs })
  const names = hosts.map(({ name }) => name)
  const targets = new Set(hosts.flatMap((host) => host.targets.map(({ target }) => target)))
  const tags = new Set(hosts.flatMap((host) => host.tags.map((tag) => `@${tag}`)))
  const words: Readonly<Record<string, readonly string[]>> = {
    host: names,
    target: [...targets],
    selector: [...names, ...tags],
    hold: holds.map(({ id }) => id),
  }
  return words[kind] ?? []
}
