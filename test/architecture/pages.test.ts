import { access, readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { dutyStates } from '../../protocol/v2/report.ts'
import { edgesOf, lostAnchorsOf, namesOf } from './pages.ts'

const root = resolve(import.meta.dirname, '../..')
const decisions = await readdir(join(root, 'docs/decisions'))
const docs = (await readdir(join(root, 'docs')))
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name))

t.test('the pages name files that are there', async (t) => {
  const pages = [
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'docs/migrating.md',
    'docs/operating.md',
    ...decisions.map((name) => join('docs/decisions', name)),
  ]
  for (const page of pages) {
    for (const name of await namesOf(join(root, page))) await t.resolves(access(join(root, name)), `${page}: ${name}`)
  }
})

t.test('links within a page lead to a heading of it', async (t) => {
  for (const page of ['README.md', ...docs]) t.strictSame(await lostAnchorsOf(join(root, page)), [], page)
})

t.test('whoever is called at night finds every state of a host', async (t) => {
  const page = await readFile(join(root, 'docs/operating.md'), 'utf8')
  for (const state of dutyStates) t.match(page, `\`${state}\``)
})

t.test('every decision is listed and fits on a page', async (t) => {
  const list = await readFile(join(root, 'docs/decisions/README.md'), 'utf8')
  for (const name of decisions.filter((each) => each !== 'README.md')) {
    t.match(list, `](${name})`, `${name} is listed`)
    t.ok((await readFile(join(root, 'docs/decisions', name), 'utf8')).length < 4_000, `${name} is short`)
  }
})

const diagrams = [
  ['What a target on a host is', 'agent/core'],
  ['A rollout', 'coordinator/core/rollout'],
  ['A host in a rollout', 'coordinator/core/rollout'],
] as const

t.test('the diagrams name functions of the code', async (t) => {
  for (const [heading, folder] of diagrams) {
    const edges = await edgesOf(join(root, 'ARCHITECTURE.md'), heading)
    const core = join(root, folder)
    const code = (await Promise.all((await readdir(core)).map((name) => readFile(join(core, name), 'utf8')))).join('\n')
    for (const by of new Set(edges.map((edge) => edge.by))) t.match(code, new RegExp(`function ${by}\\b`), by)
  }
})

t.test('the diagram of a target has the states of the code', async (t) => {
  const edges = await edgesOf(join(root, 'ARCHITECTURE.md'), 'What a target on a host is')
  const drawn = new Set(edges.flatMap(({ from, to }) => [from, to]).filter((state) => state !== '[*]'))
  t.strictSame([...drawn].sort(), [...dutyStates].sort())
})
