import type { Fleet } from './fleet.ts'
import { momentsOf } from './unit-history.ts'

/** When the last service of these hosts had stopped, after a moment; fails where one has not. */
export async function lastStopped(fleet: Fleet, sinceUs: number, names?: readonly string[]): Promise<number> {
  const members = fleet.members.filter(({ host }) => names?.includes(host.name) ?? true)
  const all = await Promise.all(
    members.map(async ({ host, workers }) => {
      const journal = await host.journal(sinceUs)
      return workers.map(({ unit }) => {
        const stopped = momentsOf(journal, [unit]).findLast(({ what }) => what === 'stopped' || what === 'ended')
        if (stopped === undefined) throw new Error(`${unit} of ${host.name} has not stopped`)
        return stopped.at
      })
    }),
  )
  return Math.max(...all.flat())
}

/** When PostgreSQL was first told to stop, after a moment: by its own word. */
export async function postgresToldToStop({ io }: Pick<Fleet, 'io'>, sinceUs: number): Promise<number> {
  const told = (await io.journal(sinceUs)).find(({ by, text }) => {
    return by.startsWith('postgres') && /received (smart|fast|immediate) shutdown request/.test(text)
  })
  if (told === undefined) throw new Error('PostgreSQL was not told to stop')
  return told.at
}
