import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import { type Breach, breach, type House, importsOf, type Rule } from './source.ts'

interface Arrow {
  readonly from: RegExp
  readonly may: readonly RegExp[]
  readonly why: string
}

// The first arrow that fits a file counts, so the narrow ones stand before the wide ones.
const arrows: readonly Arrow[] = [
  { from: /^protocol\//, may: [/^protocol\//], why: 'what is said depends on nobody who says it' },
  { from: /^agent\/core\//, may: [/^protocol\//, /^agent\/core\//], why: 'the core decides and touches nothing' },
  {
    from: /^coordinator\/core\//,
    may: [/^protocol\//, /^coordinator\/core\//],
    why: 'the core decides and touches nothing',
  },
  { from: /^daemon\//, may: [/^protocol\//, /^daemon\//], why: 'both daemons stand on it, so it knows neither' },
  {
    from: /^agent\//,
    may: [/^protocol\//, /^daemon\//, /^agent\//],
    why: 'an agent never loads a coordinator: it must stay light',
  },
  {
    from: /^coordinator\//,
    may: [/^protocol\//, /^daemon\//, /^coordinator\//],
    why: 'a coordinator knows agents by the protocol alone',
  },
  {
    from: /^gate\//,
    may: [/^protocol\//, /^daemon\//, /^coordinator\/config/, /^gate\//],
    why: 'a gate reads the host list of the coordinator and works without it',
  },
  {
    from: /^ctl\//,
    may: [/^protocol\//, /^daemon\//, /^ctl\//],
    why: 'the command line speaks to daemons, it is none',
  },
  {
    from: /^install\//,
    may: [/^protocol\//, /^daemon\//, /^agent\/config/, /^coordinator\/config/, /^install\//],
    why: 'an installation reads what both daemons are configured with and runs neither',
  },
  {
    from: /^rebuild\/core\//,
    may: [/^protocol\//, /^rebuild\/core\//],
    why: 'where a rebuild leads follows from facts alone',
  },
  {
    from: /^rebuild\//,
    may: [/^protocol\//, /^daemon\//, /^rebuild\//],
    why: 'what runs as root believes nobody, and loads nobody’s rooms',
  },
  { from: /^doctor\/core\//, may: [/^protocol\//, /^doctor\/core\//], why: 'what is wrong follows from facts alone' },
  {
    from: /^doctor\//,
    may: [/^protocol\//, /^daemon\//, /^(agent|coordinator)\/(config|options|adapters\/)/, /^doctor\//],
    why: 'it reads what the daemons read, the way they do, and runs none of them',
  },
]

const packageHomes: Readonly<Record<string, RegExp>> = {
  valibot: /^(protocol|daemon|agent|coordinator|gate|ctl|install|doctor|rebuild|bin)\/(?!core\/)/,
  '@valibot/to-json-schema': /^coordinator\/http\//,
  'better-sqlite3': /^coordinator\/adapters\/sqlite-(store|rollouts)\.ts$/,
  commander: /^ctl\//,
  'dbus-native': /^agent\/adapters\/bus\.ts$/,
  fastify: /^coordinator\/http\//,
  pg: /^daemon\/probes\/postgres\.ts$/,
  pino: /^daemon\/log\.ts$/,
  'pino-pretty': /^daemon\/log\.ts$/,
  'prom-client': /^daemon\/metrics\.ts$/,
  redis: /^daemon\/probes\/redis\.ts$/,
  'sd-notify': /^daemon\/notify\.ts$/,
  'systemd-journald': /^daemon\/journald\.ts$/,
  ws: /^(daemon\/dial[^/]*|agent\/adapters\/door[^/]*)\.ts$/,
}

const source = /^(protocol|daemon|agent|coordinator|gate|ctl|install|doctor|rebuild|bin)\//
const isLocal = (from: string) => from.startsWith('.')
const isBuiltin = (from: string) => from.startsWith('node:') || builtinModules.includes(from)
const packageOf = (from: string) => from.split('/', from.startsWith('@') ? 2 : 1).join('/')

const arrowRules: readonly Rule[] = arrows.map(({ from, may, why }) => ({
  name: `${from.source.replaceAll(/[\\^]/g, '')} imports only ${may.map((room) => room.source.replaceAll(/[\\^]/g, '')).join(', ')}`,
  why,
  holdsIn: from,
  find: (file) =>
    importsOf(file).flatMap(({ node, from: specifier }) => {
      if (!isLocal(specifier) || arrows.find((arrow) => arrow.from.test(file.path))?.from !== from) return []
      const path = join(dirname(file.path), specifier)
      return may.some((room) => room.test(path)) ? [] : [breach(file, node, `imports ${path}`)]
    }),
}))

export const importRules: readonly Rule[] = [
  ...arrowRules,
  {
    name: 'bin/guardian.ts loads a subcommand only when it is called',
    why: 'a subcommand must not pay for the libraries of another',
    holdsIn: /^bin\/guardian\.ts$/,
    find: (file) =>
      importsOf(file)
        .filter(({ from, dynamic, typeOnly }) => !dynamic && !typeOnly && !isBuiltin(from))
        .filter(({ from }) => !/^\.\.\/(daemon|protocol)\//.test(from))
        .map(({ node, from }) => breach(file, node, `imports ${from} before it is asked to`)),
  },
  {
    name: 'each npm package has one home',
    why: 'a package is replaced, or found guilty, in one place',
    holdsIn: source,
    find: (file) => importsOf(file).flatMap((one) => strayPackage(file, one.node, one.from)),
  },
  {
    name: 'neither the protocol nor a core imports a module of node',
    why: 'what is said and what is decided runs anywhere, in a simulator too',
    holdsIn: /^protocol\/(?!keys\.ts$)|^(agent|coordinator|doctor|rebuild)\/core\//,
    find: (file) => builtinsBut(file, /^$/),
  },
  {
    name: 'protocol/keys.ts imports node:crypto alone',
    why: 'keys are derived there and nowhere else',
    holdsIn: /^protocol\/keys\.ts$/,
    find: (file) => builtinsBut(file, /^node:crypto$/),
  },
  {
    name: 'built-in modules are named with node:',
    why: 'a package of the same name could stand in for it',
    holdsIn: /./,
    find: (file) =>
      importsOf(file)
        .filter(({ from }) => isBuiltin(from) && !from.startsWith('node:'))
        .map(({ node, from }) => breach(file, node, `imports ${from} without node:`)),
  },
  {
    name: 'local imports name the file with .ts',
    why: 'the runtime, the bundler and the compiler then agree on what it is',
    holdsIn: /./,
    find: (file) =>
      importsOf(file)
        .filter(({ from }) => isLocal(from) && !/\.(ts|json|node)$/.test(from))
        .map(({ node, from }) => breach(file, node, `imports ${from}`)),
  },
]

function strayPackage(file: House, node: Parameters<typeof breach>[1], from: string): readonly Breach[] {
  if (isLocal(from) || isBuiltin(from)) return []
  const home = packageHomes[packageOf(from)]
  if (home === undefined) return [breach(file, node, `imports ${from}, which has no home and no decision`)]
  return home.test(file.path) ? [] : [breach(file, node, `imports ${from} outside its home`)]
}

function builtinsBut(file: House, allowed: RegExp): readonly Breach[] {
  return importsOf(file)
    .filter(({ from }) => isBuiltin(from) && !allowed.test(from))
    .map(({ node, from }) => breach(file, node, `imports ${from}`))
}
