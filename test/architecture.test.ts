import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { importRules } from './architecture/imports.ts'
import { openHouse, type Rule } from './architecture/source.ts'
import { writingRules } from './architecture/writing.ts'

const root = resolve(import.meta.dirname, '..')
const rules: readonly Rule[] = [...importRules, ...writingRules]

t.test('the house keeps its rules', async (t) => {
  using house = openHouse(root)
  t.ok(house.files.length > 20, 'the house was found')
  for (const rule of rules) {
    const broken = house.files
      .filter((file) => rule.holdsIn.test(file.path))
      .flatMap((file) => rule.find(file).map(({ line, what }) => `${file.path}:${line} ${what}`))
    t.strictSame(broken, [], `${rule.name}: ${rule.why}`)
  }
})

// A rule that finds nothing anywhere proves nothing, so each is shown a text that breaks it.
const broken: readonly [rule: string, path: string, text: string][] = [
  ['protocol/ imports only protocol/', 'protocol/step.ts', "import '../agent/core/state.ts'"],
  ['agent/core/ imports only protocol/, agent/core/', 'agent/core/state.ts', "export * from '../../daemon/loop.ts'"],
  [
    'coordinator/core/ imports only protocol/, coordinator/core/',
    'coordinator/core/table.ts',
    "import '../../agent/core/state.ts'",
  ],
  ['agent/ imports only protocol/, daemon/, agent/', 'agent/door.ts', "import '../coordinator/config.ts'"],
  ['coordinator/ imports only protocol/, daemon/, coordinator/', 'coordinator/x.ts', "import '../agent/config.ts'"],
  ['daemon/ imports only protocol/, daemon/', 'daemon/x.ts', "import '../agent/config.ts'"],
  ['ctl/ imports only protocol/, daemon/, ctl/', 'ctl/x.ts', "import type {} from '../coordinator/config.ts'"],
  [
    'gate/ imports only protocol/, daemon/, coordinator/config, gate/',
    'gate/x.ts',
    "import '../coordinator/core/state.ts'",
  ],
  [
    'install/ imports only protocol/, daemon/, agent/config, coordinator/config, install/',
    'install/x.ts',
    "import '../agent/agent.ts'",
  ],
  ['doctor/core/ imports only protocol/, doctor/core/', 'doctor/core/x.ts', "import '../adapters/systemd.ts'"],
  [
    'doctor/ imports only protocol/, daemon/, (agent|coordinator)/(config|options|adapters/), doctor/',
    'doctor/x.ts',
    "import '../agent/agent.ts'",
  ],
  ['rebuild/core/ imports only protocol/, rebuild/core/', 'rebuild/core/x.ts', "import '../adapters/nix.ts'"],
  ['rebuild/ imports only protocol/, daemon/, rebuild/', 'rebuild/x.ts', "import '../agent/config.ts'"],
  ['bin/guardian.ts loads a subcommand only when it is called', 'bin/guardian.ts', "import '../ctl/main.ts'"],
  ['protocol/keys.ts imports node:crypto alone', 'protocol/keys.ts', "import 'node:fs'"],
  ['no test mocks a module', 'test/x.test.ts', "export const f = (t: never) => t.mockImport('../x.ts')"],
  ['files are named by subject', 'daemon/utils.ts', ''],
  ['files are named by subject', 'daemon/keyFile.ts', ''],
  ['neither the protocol nor a core imports a module of node', 'agent/core/state.ts', "import 'node:fs'"],
  ['neither the protocol nor a core imports a module of node', 'protocol/step.ts', "export const x = require('fs')"],
  ['each npm package has one home', 'agent/core/state.ts', "import * as v from 'valibot'"],
  ['each npm package has one home', 'protocol/step.ts', "export const x = () => import('ws')"],
  ['each npm package has one home', 'protocol/step.ts', "import 'left-pad'"],
  ['built-in modules are named with node:', 'protocol/step.ts', "import 'fs'"],
  ['local imports name the file with .ts', 'protocol/step.ts', "import './hold'"],
  ['a core is pure', 'agent/core/state.ts', 'export const x = Date.now()'],
  ['a core is pure', 'agent/core/state.ts', 'export const x = async () => 1'],
  ['a core is pure', 'agent/core/state.ts', 'export const x = Math.random()'],
  ['a core is pure', 'agent/core/state.ts', 'setTimeout(() => 1, 1)'],
  [
    'every switch of a core ends in `satisfies never`',
    'agent/core/state.ts',
    "export function f(x: string) {\n  switch (x) {\n    case 'a':\n      return 1\n  }\n  return 2\n}",
  ],
  [
    'every switch over a union ends in `satisfies never`',
    'protocol/step.ts',
    "export function f(x: 'a' | 'b') {\n  switch (x) {\n    case 'a':\n      return 1\n    case 'b':\n      return 2\n  }\n}",
  ],
  ['no any', 'protocol/step.ts', 'export const x: any = 1'],
  ['no assertion of a type but `as const`', 'protocol/step.ts', 'export const x = JSON as unknown'],
  ['no assertion of a type but `as const`', 'protocol/step.ts', 'export const x = <unknown>JSON'],
  ['no non-null `!`', 'protocol/step.ts', 'export const f = (x?: object) => x!'],
  ['JSON.parse goes straight into a decoder', 'protocol/step.ts', "export const x = JSON.parse('1')"],
  ['the process is ended by daemon/run.ts alone', 'protocol/step.ts', 'process.exit(1)'],
  ['files have at most 300 lines', 'protocol/step.ts', '//\n'.repeat(301)],
  ['functions have at most 70 lines', 'protocol/step.ts', `export function f() {\n${'  f()\n'.repeat(69)}}`],
  ['exports have names', 'protocol/step.ts', 'export default 1'],
  ['exports have names', 'protocol/step.ts', 'export default function f() {}'],
  [
    'the compiler and the coverage are never told to look away',
    'protocol/step.ts',
    `// @${'ts-ignore'}\nexport const x = 1`,
  ],
]

const tsconfig = {
  compilerOptions: { noEmit: true, strict: true, target: 'es2023', module: 'nodenext', types: [] },
  include: ['**/*.ts'],
}

t.test('each rule finds what breaks it', async (t) => {
  const at = (index: number, path: string) => join(`case-${index}`, path)
  const dir = await layOut(t, new Map(broken.map(([, path, text], index) => [at(index, path), text])))
  using house = openHouse(dir)
  for (const [index, [name, path, text]] of broken.entries()) {
    const rule = rules.find((one) => one.name === name)
    const file = house.files.find((one) => one.path === at(index, path))
    if (rule === undefined || file === undefined) throw new Error(`no rule ${name} or no file ${path}`)
    t.ok(rule.holdsIn.test(path), `${name} holds in ${path}`)
    t.ok(rule.find({ ...file, path }).length > 0, `${name}: found in ${JSON.stringify(text.slice(0, 60))}`)
  }
})

t.test('what keeps the rules is not found guilty', async (t) => {
  const text = `
    export type Shown = { readonly Date: string }
    export function f(x: 'a' | 'b'): unknown {
      switch (x) {
        case 'a':
          return JSON.parse('1')
        case 'b':
          return ['as const'] as const
        default:
          return x satisfies never
      }
    }`
  const path = 'agent/core/kept.ts'
  using house = openHouse(await layOut(t, new Map([[path, text]])))
  for (const rule of rules.filter((one) => one.holdsIn.test(path))) {
    t.strictSame(house.files.flatMap(rule.find), [], rule.name)
  }
})

async function layOut(t: Test, texts: ReadonlyMap<string, string>): Promise<string> {
  const dir = t.testdir({ 'tsconfig.json': JSON.stringify(tsconfig) })
  for (const [path, text] of texts) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  return dir
}
