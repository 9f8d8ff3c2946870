import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import type { Fault } from './faults.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Bundle extends AsyncDisposable {
  readonly file: string
}

/** The simulator's worker and both cores as one file, which starts at once and runs faster; maybe with one fault. */
export async function bundleWorker(fault: Fault | null): Promise<Bundle> {
  const directory = await mkdtemp(join(tmpdir(), 'guardian-sim-'))
  const file = join(directory, 'worker.mjs')
  await build({
    entryPoints: [join(root, 'test/sim/worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: file,
    logLevel: 'error',
    plugins: fault === null ? [] : [broken(fault)],
  })
  return { file, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) }
}

/** Puts the fault into its file. Where the code has moved on and the line is gone, this fails, and loudly. */
function broken(fault: Fault): Plugin {
  const path = join(root, fault.file)
  return {
    name: 'fault',
    setup(on) {
      on.onLoad({ filter: /\/core(\/[^/]+)?\.ts$/ }, async (args) => {
        if (args.path !== path) return null
        const source = await readFile(path, 'utf8')
        const count = source.split(fault.from).length - 1
        if (count !== 1)
          throw new Error(`${relative(root, path)} has the line of "${fault.name}" ${count} times, not once`)
        return { contents: source.replace(fault.from, () => fault.to), loader: 'ts' }
      })
    },
  }
}
