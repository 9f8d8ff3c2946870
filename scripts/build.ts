import { chmod, readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'
import * as v from 'valibot'

// `npm run build`: dist/guardian.js and, beside it, what each subcommand loads when it is asked for.

const root = fileURLToPath(new URL('..', import.meta.url))
const outdir = `${root}dist`

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

const { metafile } = await bundle()
await chmod(`${outdir}/guardian.js`, 0o755)
report(metafile)

async function bundle() {
  await rm(outdir, { recursive: true, force: true })
  const manifest = await readFile(`${root}package.json`, 'utf8')
  const { name, version } = v.parse(v.object({ name: v.string(), version: v.string() }), JSON.parse(manifest))
  return await build({
    absWorkingDir: root,
    entryPoints: ['bin/guardian.ts'],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Names stay, for stack traces; without the white space an agent needs 1.5 MB less.
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: false,
    legalComments: 'external',
    external: ['better-sqlite3', 'pg-native'],
    define: { GUARDIAN_BUILD: JSON.stringify(`${name} ${version}`) },
    plugins: [leaveOut],
    // CommonJS packages inside of the bundle ask for node's own modules by `require`.
    banner: {
      js: "import{createRequire as guardianRequire}from'node:module';const require=guardianRequire(import.meta.url);",
    },
    metafile: true,
    logLevel: 'warning',
  })
}

/** What each subcommand loads before it does anything; fails where an agent would carry what only others need. */
function report({ outputs }: Metafile): void {
  for (const [path, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint === undefined || !/^(agent|bin|coordinator|ctl|gate)\//.test(entryPoint)) continue
    const loaded = staticImports(outputs, path)
    const bytes = [...loaded].reduce((sum, output) => sum + (outputs[output]?.bytes ?? 0), 0)
    process.stdout.write(
      `${entryPoint.padEnd(24)} ${String(Math.round(bytes / 1024)).padStart(5)} KB in ${loaded.size} files\n`,
    )
    if (entryPoint.startsWith('agent/')) refuseHeavy(outputs, loaded)
  }
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
  const inputs = [...loaded].flatMap((output) => Object.keys(outputs[output]?.inputs ?? {}))
  const heavy = inputs.find((input) => /node_modules\/(fastify|pg|redis|@redis|commander)\//.test(input))
  if (heavy !== undefined) throw new Error(`an agent must not load ${heavy}`)
}
