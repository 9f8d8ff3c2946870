import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errors } from '../../protocol/errors.ts'
import { parseKeys } from '../../protocol/keys.ts'
import { limits } from '../../protocol/limits.ts'

const golden = join(import.meta.dirname, '../golden/protocol')
const region = /<!-- made from (\S+) -->\n([\s\S]*?)<!-- end -->/g

/** The page with every region between `made from` and `end` written anew from what it is made from. */
export async function remade(page: string): Promise<string> {
  const parts = [...page.matchAll(region)].map(([, source = '']) => source)
  const made = new Map(await Promise.all(parts.map(async (source) => [source, await make(source)] as const)))
  return page.replaceAll(region, (_, source) => `<!-- made from ${source} -->\n${made.get(source)}<!-- end -->`)
}

/** What the regions of a page are made from. */
export function sourcesOf(page: string): readonly string[] {
  return [...page.matchAll(region)].map(([, source = '']) => source)
}

async function make(source: string): Promise<string> {
  switch (source) {
    case 'limits':
      return table(['limit', 'value', 'what it bounds'], limitRows())
    case 'errors':
      return table(['code', 'HTTP', 'close', 'exit'], errorRows())
    case 'keys':
      return table(['what', 'value'], keyRows())
    default: {
      const text = await readFile(join(golden, source), 'utf8')
      return `\n\`\`\`${source.endsWith('.json') ? 'json' : 'text'}\n${text}\`\`\`\n\n`
    }
  }
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return `\n${line(head)}${line(head.map(() => '---'))}${rows.map(line).join('')}\n`
}

const bounds: Readonly<Record<keyof typeof limits, string>> = {
  frameBytes: 'a frame of v2',
  frameBytesBeforeProof: 'a frame of v1, and the head of an HTTP request',
  proofMs: 'from accept to a proved key, and from there to the hello',
  strangersMax: 'sockets without proof; a further one takes the place of the oldest',
  strangersPerAddressMax: 'of them from one address; IPv6 by /64',
  failedKeyDelayMs: 'the answer to a wrong v1 key, on its own socket only',
  nameLength: 'names, units, ids and owners, in characters',
  messageLength: 'texts of people and selectors, in characters',
  holdsMax: 'holds of one target or command',
  directHoldsMax: 'of them given with `--direct`; an order for one more is answered `failed`',
  releasesMax: 'ids that one command releases',
  dependentsMax: 'dependents, and lists of units',
  targetsMax: 'targets of one host',
  probesMax: 'probes of one host',
  jobsMax: 'rebuilds that one host tells of',
  exceptionsMax: 'hosts that a hold leaves out',
  keyLengthMin: 'characters of a key, at least',
}

function limitRows(): readonly (readonly string[])[] {
  const entries = Object.entries(limits)
  return entries.map(([name, value]) => [`\`${name}\``, value.toLocaleString('en'), boundOf(name)])
}

function boundOf(name: string): string {
  const found = Object.entries(bounds).find(([key]) => key === name)
  if (found === undefined) throw new Error(`say what ${name} bounds`)
  return found[1]
}

function errorRows(): readonly (readonly string[])[] {
  return Object.entries(errors).map(([code, { http, close, exit }]) => [
    `\`${code}\``,
    `${http}`,
    `${close}`,
    `${exit}`,
  ])
}

function keyRows(): readonly (readonly string[])[] {
  const [key] = parseKeys('0123456789abcdef0123456789abcdef', 'the test vectors')
  if (key === undefined) throw new Error('no key')
  const web1 = key.derive('web1')
  return [
    ['key id', `\`${key.id}\``],
    ['TLS key', `\`${key.tlsKey().toString('hex')}\``],
    ['key line of web1', `\`${web1.line()}\``],
    ['key id of web1', `\`${web1.id}\``],
    ['TLS key of web1', `\`${web1.tlsKey().toString('hex')}\``],
  ]
}
