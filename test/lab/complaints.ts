import type { Fleet } from './fleet.ts'

/** Every line in which a service says that a connection was refused or cut. */
export async function complaints(fleet: Fleet, sinceUs: number): Promise<readonly string[]> {
  const journals = await Promise.all(
    fleet.members.map(async ({ host, workers }) => {
      const units = workers.map(({ unit }) => unit)
      return (await host.journal(sinceUs)).filter(({ by, unit }) => by !== 'systemd' && units.includes(unit))
    }),
  )
  return journals
    .flat()
    .filter(({ text }) => /error|fatal|refused|could not|closed|terminat|lost/i.test(text))
    .map(({ host, unit, text }) => `${host} ${unit}: ${text}`)
}
