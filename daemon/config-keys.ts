/** The keys that a schema allows at a place in the input; valibot's issue of an unknown key does not tell them. */
export function allowedKeys(schema: unknown, input: unknown, path: readonly unknown[]): readonly string[] {
  const [key, ...rest] = path
  const objects = unwrap(schema, input)
  if (path.length === 0) {
    return [...new Set(objects.flatMap((object) => Object.keys(member(object, 'entries') ?? {})))].sort()
  }
  const below = objects.flatMap((object) => [
    member(member(object, 'entries'), String(key)) ?? member(object, 'value') ?? member(object, 'item') ?? null,
  ])
  return [...new Set(below.flatMap((next) => allowedKeys(next, member(input, String(key)), rest)))].sort()
}

/** The schemas behind optional, nullable, lazy and pipe, and those options of a variant that the input chose. */
function unwrap(schema: unknown, input: unknown): readonly object[] {
  if (typeof schema !== 'object' || schema === null) return []
  const wrapped = member(schema, 'wrapped')
  if (wrapped !== undefined) return unwrap(wrapped, input)
  const options = member(schema, 'options')
  if (!Array.isArray(options)) return [schema]
  const discriminator = member(schema, 'key')
  return options
    .filter((option: unknown) => isChosen(option, input, discriminator))
    .flatMap((option) => unwrap(option, input))
}

function isChosen(option: unknown, input: unknown, discriminator: unknown): boolean {
  if (typeof discriminator !== 'string') return true
  return member(member(member(option, 'entries'), discriminator), 'literal') === member(input, discriminator)
}

function member(object: unknown, key: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined
  return Object.getOwnPropertyDescriptor(object, key)?.value
}

/** The candidate that a typing error most likely meant; null where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1]
    for (let at = 0; at < to.length; at += 1) {
      const replaced = (row[at] ?? 0) + (letter === to[at] ? 0 : 1)
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
