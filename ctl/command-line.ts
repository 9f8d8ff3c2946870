import { limits } from '../protocol/limits.ts'

/** Global flags as they were given: a command that is advised with them reaches the same place. */
export type Given = Readonly<Record<string, string | true>>

/** A command that a person may copy into a shell. */
export function commandLine(given: Given, words: readonly string[]): string {
  const flags = Object.entries(given).flatMap(([flag, value]) => (value === true ? [flag] : [flag, value]))
  return ['guardian', 'ctl', ...flags, ...words].map(quoted).join(' ')
}

function quoted(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

export interface Place {
  readonly host: string
  readonly target: string
}

/** Drains these places again, and no other one. */
export function drainAgain(given: Given, places: Iterable<Place>): string | null {
  const commands = [...hostsByTarget(places)].flatMap(([target, hosts]) =>
    selectorsOf(hosts).map((selector) => commandLine(given, ['drain', target, '--host', selector])),
  )
  return commands.length === 0 ? null : commands.join('; ')
}

export function hostsByTarget(places: Iterable<Place>): ReadonlyMap<string, readonly string[]> {
  const byTarget = new Map<string, string[]>()
  for (const { host, target } of places) {
    const hosts = byTarget.get(target) ?? []
    hosts.push(host)
    byTarget.set(target, hosts)
  }
  return byTarget
}

/** As few as can name all of them. */
function selectorsOf(hosts: readonly string[]): readonly string[] {
  const selectors: string[] = []
  for (const host of hosts) {
    const last = selectors.at(-1)
    if (last === undefined || last.length + 1 + host.length > limits.messageLength) selectors.push(host)
    else selectors[selectors.length - 1] = `${last},${host}`
  }
  return selectors
}
