import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'

export interface Command {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const limitMs = 120_000

/** Milliseconds from start to exit; rejects where it ends with anything but 0. */
export async function timed({ argv: [program = '', ...args], env }: Command): Promise<number> {
  const startedMs = performance.now()
  const child = spawn(program, args, {
    env: env ?? process.env,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: limitMs,
  })
  const said: string[] = []
  child.stderr?.on('data', (chunk) => said.push(String(chunk)))
  const [code, signal] = await once(child, 'exit')
  const tookMs = performance.now() - startedMs
  if (code !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${code ?? signal}: ${said.join('')}`)
  return tookMs
}

/** A process that lives until it is disposed of. */
export interface Worker extends AsyncDisposable {
  readonly pid: number
  /** The next line that it writes. */
  line(): Promise<string>
}

export async function startWorker({ argv: [program = '', ...args], env }: Command): Promise<Worker> {
  const child = spawn(program, args, { env: env ?? process.env, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    pid: child.pid ?? 0,
    async line() {
      const next = await lines.next()
      if (next.done === true) throw new Error(`${[program, ...args].join(' ')} ended`)
      return next.value
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exited
  clearTimeout(late)
}

/** Megabytes that are the process's own, and all that it has resident. */
export async function memoryOf(pid: number): Promise<{ readonly privateMb: number; readonly residentMb: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1_024
  return { privateMb: megabytes('Private_Dirty'), residentMb: megabytes('Rss') }
}

/** Processor time of all its threads so far. */
export async function processorMsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const spent = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')))
  return spent.reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, 0)
}
