import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One line of a recorded visit: what the client says, what the server answers, or how the server closes. */
export type Line =
  | { readonly who: 'client' | 'server'; readonly text: string }
  | { readonly who: 'close'; readonly code: number; readonly reason: string }

export interface Transcript {
  readonly name: string
  readonly lines: readonly Line[]
}

const directory = join(import.meta.dirname, 'protocol/v1')

/** The visits of v1 clients in test/golden/protocol/v1, with `key` where KEY stands. */
export async function readTranscripts(key: string): Promise<readonly Transcript[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.txt')).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8')
      return { name, lines: text.split('\n').flatMap((line) => readLine(line.replaceAll('KEY', key), name)) }
    }),
  )
}

function readLine(line: string, name: string): readonly Line[] {
  const text = line.slice(2)
  if (line === '' || line.startsWith('# ')) return []
  if (line.startsWith('> ')) return [{ who: 'client', text }]
  if (line.startsWith('< ')) return [{ who: 'server', text }]
  const close = /^x (\d+) (.*)$/.exec(line)
  if (close === null) throw new Error(`cannot read ${JSON.stringify(line)} in ${name}`)
  return [{ who: 'close', code: Number(close[1]), reason: close[2] ?? '' }]
}

/** Whether `said` is the expected answer byte for byte, where TEXT stands for words that are free. */
export function isAsRecorded(expected: string, said: string): boolean {
  const [before, after] = expected.split('TEXT')
  if (before === undefined || after === undefined) return said === expected
  if (!said.startsWith(before) || !said.endsWith(after) || said.length < before.length + after.length) return false
  return /^([^"\\]|\\.)*$/.test(said.slice(before.length, said.length - after.length))
}
