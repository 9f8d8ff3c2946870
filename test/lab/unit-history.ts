import type { Entry } from './journal.ts'

/** What systemd says about a unit, by the id of the message. */
const kinds: Readonly<Record<string, Moment['what']>> = {
  '7d4958e842da4a758f6c1cdc7b36dcc5': 'starting',
  '39f53479d3a045ac8e11786248231fbf': 'started',
  de5b426a63be47a7b6ac3eaac82e2f6f: 'stopping',
  '9d1aaa27d60140bd96365438aad20286': 'stopped',
  '7ad2d189f7e94e70a38c781354912448': 'ended',
  d9b373ed55a64feb8242e02dbe79a49c: 'ended',
}

/** Something that happened to a unit. */
export interface Moment {
  readonly at: number
  readonly host: string
  readonly unit: string
  readonly what: 'starting' | 'started' | 'stopping' | 'stopped' | 'ended'
}

/** What happened to units of a host, oldest first. */
export function momentsOf(journal: readonly Entry[], units: readonly string[]): readonly Moment[] {
  return journal.flatMap(({ at, host, by, unit, kind }) => {
    const what = kinds[kind]
    return by === 'systemd' && what !== undefined && units.includes(unit) ? [{ at, host, unit, what }] : []
  })
}

/** The units that ran at a moment, as far as their history goes. */
export function runningAt(moments: readonly Moment[], at: number): readonly string[] {
  const running = new Set<string>()
  for (const moment of moments) {
    if (moment.at > at) break
    if (moment.what === 'starting' || moment.what === 'started') running.add(moment.unit)
    if (moment.what === 'stopped' || moment.what === 'ended') running.delete(moment.unit)
  }
  return [...running]
}
