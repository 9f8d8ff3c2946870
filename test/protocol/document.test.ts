import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { remade, sourcesOf } from './document.ts'

const golden = join(import.meta.dirname, '../golden/protocol')
const path = join(import.meta.dirname, '../../docs/protocol.md')
const page = await readFile(path, 'utf8')

t.test('docs/protocol.md says what the code and the golden samples say', async (t) => {
  const now = await remade(page)
  // GUARDIAN_UPDATE=1 writes it anew; commit only a difference that you understand.
  if (process.env.GUARDIAN_UPDATE === '1') await writeFile(path, now)
  else t.equal(page, now)
})

t.test('every golden sample stands in it once', async (t) => {
  const names = await Promise.all(
    ['v1', 'v2/client', 'v2/agent'].map(async (dir) =>
      (await readdir(join(golden, dir))).map((name) => `${dir}/${name}`),
    ),
  )
  const shown = sourcesOf(page).filter((source) => source.includes('/'))
  t.strictSame([...shown].sort(), names.flat().sort())
})

t.test('its links lead somewhere', async (t) => {
  const headings = [...page.matchAll(/^##+ (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-'))
  for (const [, anchor = ''] of page.matchAll(/\]\(#([^)]*)\)/g)) t.ok(headings.includes(anchor), `#${anchor}`)
})

t.test('the files that it names are there', async (t) => {
  const files = new Set([...page.matchAll(/`((?:protocol|test)\/[\w./-]+)`/g)].map(([, file = '']) => file))
  for (const file of files) {
    await t.resolves(
      readFile(join(import.meta.dirname, '../..', file)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'EISDIR') throw cause
      }),
      file,
    )
  }
})
