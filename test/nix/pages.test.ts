import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import { evaluate, noEvaluation } from './nix.ts'
import { options, pageOf } from './option-page.ts'

t.setTimeout(600_000)

const docs = resolve(import.meta.dirname, '../../docs')
const guide = await readFile(join(docs, 'nixos.md'), 'utf8')
const reference = await readFile(join(docs, 'nixos-options.md'), 'utf8')
const here = (name: string) => join(import.meta.dirname, name)

t.test('docs/nixos-options.md says what the modules say', { skip: noEvaluation }, async (t) => {
  const now = pageOf(v.parse(options, await evaluate(here('evaluate.nix'), 'options')))
  // GUARDIAN_UPDATE=1 writes it anew; commit only a difference that you understand.
  if (process.env.GUARDIAN_UPDATE === '1') await writeFile(join(docs, 'nixos-options.md'), now)
  else t.equal(reference, now)
})

t.test('the fleet of docs/nixos.md is without fault', { skip: noEvaluation }, async (t) => {
  const hosts = v.record(v.string(), v.array(v.string()))
  const said = v.parse(hosts, await evaluate(here('pages.nix'), 'flake', t.testdir()))
  t.strictSame(said, { io: [], monitor: [], web1: [] })
})

t.test('every other example of docs/nixos.md can be evaluated', { skip: noEvaluation }, async (t) => {
  const said = await evaluate(here('pages.nix'), 'blocks', t.testdir())
  t.strictSame(
    said,
    Array.from(guide.matchAll(/^```nix$/gm))
      .slice(1)
      .map(() => true),
  )
})

t.test('docs/nixos.md names only options that there are, and its links lead somewhere', async (t) => {
  const names = new Set([...reference.matchAll(/^## `(\S+)`$/gm)].map(([, name = '']) => name))
  for (const [, name = ''] of guide.matchAll(/`(services\.guardian\.[\w.]*\w)`/g))
    t.ok(names.has(name) || isGroup(names, name), name)
  const headings = [...guide.matchAll(/^## (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-'))
  for (const [, anchor = ''] of guide.matchAll(/\]\(#([^)]*)\)/g)) t.ok(headings.includes(anchor), `#${anchor}`)
})

/** `services.guardian.fleet` is none itself. */
function isGroup(names: ReadonlySet<string>, prefix: string): boolean {
  return [...names].some((name) => name.startsWith(`${prefix}.`))
}
