import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import { rebuildsEntry } from '../../coordinator/rebuild-config.ts'
import { parseDuration } from '../../protocol/duration.ts'
import { rolloutPolicy } from '../../protocol/rollout/policy.ts'

const root = resolve(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/rollouts.md'), 'utf8')

function blocks(kind: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text)
}

t.test('the table of a policy has each default of the decoder, and no other', async (t) => {
  const bare = v.parse(rolloutPolicy, {
    source: { mode: 'closure' },
    stages: [{ name: 'all', select: '*' }],
    hooks: [{ name: 'hook', before: 'stage:all', run: ['true'] }],
  })
  const table = page.slice(page.indexOf('## A policy, key by key'), page.indexOf('### Budgets'))
  const rows = [...table.matchAll(/^\| `([\w.[\]]+)` \| (?:`([^`]*)`|–) \|/gm)]
  const said = rows.flatMap(([, key = '', text]) => (text === undefined ? [] : [`${key} = ${plain(text)}`]))
  const given = ['source.mode', 'stages[].name', 'stages[].select', 'hooks[].name', 'hooks[].before', 'hooks[].run']
  const meant = leaves('', bare).filter(([key]) => !given.includes(key))
  t.strictSame(said.toSorted(), meant.map(([key, value]) => `${key} = ${value}`).toSorted())
  const keys = rows.map(([, key = '']) => key)
  for (const key of [...given, 'source.flake', 'stages[].window', 'reboot.window']) t.ok(keys.includes(key), key)
})

function plain(text: string): string {
  const span = /^\d+[a-z]+$/.test(text) ? parseDuration(text) : null
  return String(span ?? text)
}

function leaves(at: string, value: unknown): readonly (readonly [key: string, value: string])[] {
  if (Array.isArray(value) && value.length > 0 && typeof value[0] === 'object') return leaves(`${at}[]`, value[0])
  if (typeof value !== 'object' || value === null) return [[at, String(value)]]
  const entries = Object.entries(value)
  if (at === 'onOutcome') return []
  if (Array.isArray(value) || entries.length === 0) return [[at, JSON.stringify(value)]]
  return entries.flatMap(([key, each]) => leaves(at === '' ? key : `${at}.${key}`, each))
}

t.test('its example is one that the coordinator reads', async (t) => {
  const [example = ''] = blocks('json')
  t.ok(v.is(rebuildsEntry, JSON.parse(example)))
})

t.test('its screens are those that the ctl is held to', async (t) => {
  const golden = join(root, 'test/golden/ctl')
  const names = (await readdir(golden)).filter((name) => name.startsWith('rollout-'))
  const screens = new Set(await Promise.all(names.map((name) => readFile(join(golden, name), 'utf8'))))
  t.ok(blocks('text').length > 0)
  for (const screen of blocks('text')) t.ok(screens.has(screen), screen)
})

t.test('its links lead somewhere', async (t) => {
  const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => anchorOf(text))
  for (const [, anchor = ''] of page.matchAll(/\]\(#([^)]*)\)/g)) t.ok(headings.includes(anchor), `#${anchor}`)
})

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}
