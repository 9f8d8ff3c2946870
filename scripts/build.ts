import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'
import * as v from 'valibot'

// `npm run build`: dist/guardian.js, and beside it one bundle for each subcommand, which it loads when asked. A bundle
// of its own costs an agent 2 MB less of private memory than chunks that it shares with the others.

const root = fileURLToPath(new URL('..', import.meta.url))
const target = `${root}dist`
// Built aside and put in place whole, so that nobody finds half of it.
const modules = `${root}.cache/modules-${process.pid}`
const outdir = `${root}.cache/dist-${process.pid}`

/** Never called here, yet loaded with the packages that mention them: together 1.2 MB of an agent's private memory. */
const leftOut = [
  // dbus-native: only to introspect objects
  'xml2js',
  // pino: only for worker-thread transports and several streams
  'thread-stream',
  './multistream',
  // prom-client: only for exemplars, summaries, clusters, the push gateway and its own default metrics
  '@opentelemetry/api',
  'tdigest',
  './lib/cluster',
  './lib/pushgateway',
  './pushgateway',
  './lib/defaultMetrics',
] as const
const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    const names = leftOut.map((name) => name.replaceAll(/[./]/g, '\\$&'))
    onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, ({ path }) => ({ path, namespace: 'left-out' }))
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }))
  },
}

const subcommands: string[] = []
/** Points the dispatcher to the bundles of the subcommands that it names. */
const apart: Plugin = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, kind, importer }) => {
      if (kind !== 'dynamic-import') return null
      const source = fileURLToPath(new URL(path, `file://${importer}`)).slice(root.length)
      subcommands.push(source)
      return { path: `./${bundleOf(source)}`, external: true }
    })
  },
}

/** `agent/main.ts` → `agent/main.js`, each with its own folder for what it loads later. */
function bundleOf(source: string): string {
  return source.replace(/\.ts$/, '.js')
}

await bundle('bin/guardian.ts', 'guardian', [apart])
for (const source of subcommands) report(source, await bundle(source, source.replace(/\.ts$/, ''), [leaveOut]))
await asCommonJs()
await chmod(`${outdir}/guardian.js`, 0o755)
await rm(target, { recursive: true, force: true })
await rm(modules, { recursive: true })
await rename(outdir, target)

async function bundle(source: string, name: string, plugins: Plugin[]): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [{ in: source, out: name }],
    outdir: modules,
    chunkNames: `${dirname(name)}/[name]-[hash]`,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Names stay, for stack traces; without the white space an agent needs 1.5 MB less.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    external: ['better-sqlite3', 'pg-native'],
    define: { GUARDIAN_BUILD: JSON.stringify(await nameAndVersion()) },
    plugins,
    metafile: true,
    logLevel: 'warning',
  })
  return metafile
}

/** Node starts without its loader of ES modules then, which costs a command 10 ms and an agent 2 MB. */
async function asCommonJs(): Promise<void> {
  await build({
    entryPoints: [`${modules}/**/*.js`],
    outdir,
    outbase: modules,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'hereUrl' },
    banner: { js: "const hereUrl=require('node:url').pathToFileURL(__filename).href;" },
    minifyWhitespace: true,
    legalComments: 'external',
    logLevel: 'warning',
  })
  await writeFile(`${outdir}/package.json`, '{"type":"commonjs"}\n')
}

async function nameAndVersion(): Promise<string> {
  const manifest = await readFile(`${root}package.json`, 'utf8')
  const { name, version } = v.parse(v.object({ name: v.string(), version: v.string() }), JSON.parse(manifest))
  return `${name} ${version}`
}

/** Tells what a subcommand loads before it does anything; fails where an agent would carry what only others need. */
function report(source: string, { outputs }: Metafile): void {
  const [entry] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === source) ?? []
  if (entry === undefined) throw new Error(`${source} has no bundle`)
  const loaded = staticImports(outputs, entry)
  const bytes = [...loaded].reduce((sum, path) => sum + (outputs[path]?.bytes ?? 0), 0)
  process.stdout.write(
    `${source.padEnd(24)} ${String(Math.round(bytes / 1024)).padStart(5)} KB in ${loaded.size} files\n`,
  )
  if (source.startsWith('agent/')) refuseHeavy(outputs, loaded)
}

function staticImports(outputs: Metafile['outputs'], path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const { path: next, kind } of outputs[path]?.imports ?? []) {
    if (kind === 'import-statement' && next in outputs) staticImports(outputs, next, seen)
  }
  return seen
}

function refuseHeavy(outputs: Metafile['outputs'], loaded: ReadonlySet<string>): void {
  const inputs = [...loaded].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}))
  const heavy = inputs.find((input) => /node_modules\/(fastify|pg|redis|@redis|commander)\//.test(input))
  if (heavy !== undefined) throw new Error(`an agent must not load ${heavy}`)
}
