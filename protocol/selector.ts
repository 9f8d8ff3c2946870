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
  const pattern = new RegExp(`^${text.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`)
  return (host) => pattern.test(host.name)
}
