import { GuardianError } from './errors.ts'

/** What a selector looks at. */
export interface Selectable {
  readonly name: string
  readonly tags: readonly string[]
}

type Matcher = (host: Selectable) => boolean

/**
 * Reads `name`, a glob, `@tag`, `a,b` (either), `a&b` (both) and `!x` (not); `,` binds loosest.
 * @throws GuardianError `bad-request` that quotes the part it cannot read
 */
export function parseSelector(text: string): Matcher {
  const either = text.split(',').map((part) => parseBoth(part, text))
  return (host) => either.some((matches) => matches(host))
}

function parseBoth(text: string, whole: string): Matcher {
  const both = text.split('&').map((part) => parseOne(part.trim(), whole))
  return (host) => both.every((matches) => matches(host))
}

function parseOne(text: string, whole: string): Matcher {
  if (text.startsWith('!')) {
    const matches = parseOne(text.slice(1).trim(), whole)
    return (host) => !matches(host)
  }
  if (/^@[A-Za-z0-9._-]+$/.test(text)) return (host) => host.tags.includes(text.slice(1))
  if (!/^[A-Za-z0-9._*?-]+$/.test(text)) {
    throw new GuardianError(
      'bad-request',
      `cannot read ${JSON.stringify(text)} in selector ${JSON.stringify(whole)}: use a host name, a glob, @tag, a,b, a&b or !x`,
      { selector: whole },
    )
  }
  return (host) => matchesGlob(text, host.name)
}

/** Greedy with one step back, so its time is bounded by the product of the lengths; a regular expression's is not. */
function matchesGlob(glob: string, name: string): boolean {
  let at = 0
  let star = -1
  let retryAt = 0
  for (let read = 0; read < name.length; ) {
    if (glob[at] === '*') {
      star = at
      at += 1
      retryAt = read
    } else if (glob[at] === '?' || glob[at] === name[read]) {
      at += 1
      read += 1
    } else if (star >= 0) {
      at = star + 1
      retryAt += 1
      read = retryAt
    } else return false
  }
  while (glob[at] === '*') at += 1
  return at === glob.length
}
