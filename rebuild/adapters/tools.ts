import { execFile } from 'node:child_process'

export interface Ended {
  /** 128 and more where it was ended by a signal, 127 where it could not be started. */
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a program to its end, never through a shell; what it says is for people, its exit code decides. */
export type Run = (file: string, args: readonly string[], options?: RunOptions) => Promise<Ended>

export interface RunOptions {
  readonly limitMs?: number
  readonly env?: Readonly<Record<string, string>>
  /** Says what it says to whoever reads this process's journal, too. */
  readonly shown?: boolean
}

const limitMs = 60_000
const saidBytesMax = 4 * 1024 * 1024

export const run: Run = (file, args, options = {}) =>
  new Promise((resolve) => {
    const { PATH = '', HOME = '/root', LOCALE_ARCHIVE, NIX_REMOTE, CACHE_DIRECTORY } = process.env
    const env = {
      PATH,
      HOME,
      LC_ALL: 'C.UTF-8',
      ...(LOCALE_ARCHIVE === undefined ? {} : { LOCALE_ARCHIVE }),
      // In its unit root's home cannot be written to, and Nix keeps there what it has fetched of a flake.
      ...(CACHE_DIRECTORY === undefined ? {} : { XDG_CACHE_HOME: CACHE_DIRECTORY }),
      ...(NIX_REMOTE === undefined ? {} : { NIX_REMOTE }),
      ...options.env,
    }
    const how = { env, timeout: options.limitMs ?? limitMs, maxBuffer: saidBytesMax, killSignal: 'SIGKILL' as const }
    const child = execFile(file, [...args], how, (failure, out, err) => {
      if (failure === null) return resolve({ code: 0, out, err })
      const code = typeof failure.code === 'number' ? failure.code : failure.signal === null ? 127 : 128
      resolve({ code, out, err: err === '' ? failure.message : err })
    })
    if (options.shown !== true) return
    child.stdout?.pipe(process.stdout, { end: false })
    child.stderr?.pipe(process.stderr, { end: false })
  })

/** The last thing that a program said, for a person. */
export function lastWords({ out, err }: Ended): string {
  return (err.trim() || out.trim()).split('\n').at(-1) ?? ''
}
