import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const tree = join(import.meta.dirname, '..')
const out = join(tree, '.cache/bench')

/** Bundles the bench's own processes as guardian itself is bundled, so that none is slower for how it is loaded. */
export async function bundleWorkers(): Promise<(name: string) => string> {
  await mkdir(out, { recursive: true })
  await build({
    entryPoints: ['v1-client', 'v1-servers', 'v2-agents', 'bare-links', 'bare-node'].map((name) =>
      join(tree, 'bench', `worker-${name}.ts`),
    ),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['bufferutil', 'utf-8-validate'],
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'warning',
  })
  return (name) => join(out, `worker-${name}.mjs`)
}
