import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { reasonOf } from '../../daemon/reason.ts'

export interface ChildOptions {
  readonly argv: readonly string[]
  /** Variables that it gets besides. */
  readonly env?: Readonly<Record<string, string>>
  /** Written to its standard input, which is empty without it. */
  readonly input?: string
  readonly limitMs: number
  /** Each line of either output as it comes. */
  readonly line?: (text: string) => void
  readonly signal?: AbortSignal
}

export interface ChildEnd {
  readonly ok: boolean
  /** The last line that it wrote; without any, how it ended. */
  readonly reason: string
}

// What a program needs to be found and to read its locale, and nothing of what the daemon was given.
const inherited = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TZ',
  'LOCALE_ARCHIVE',
  'SSL_CERT_FILE',
  'NIX_SSL_CERT_FILE',
]
const lastWordsMs = 500
const lineMax = 2_000
const outputMax = 256 * 1024

/** Runs a program in a process group of its own; whatever of the group is left when it ends, or at the limit, is killed. */
export function runChild({ argv, env = {}, input = '', ...options }: ChildOptions): Promise<ChildEnd> {
  const [file = '', ...args] = argv
  const child = spawn(file, args, { detached: true, cwd: '/', env: { ...reducedEnvironment(), ...env }, stdio: 'pipe' })
  if (child.pid === undefined) {
    return new Promise((resolve) =>
      child.on('error', (cause) => resolve({ ok: false, reason: `${file}: ${reasonOf(cause)}` })),
    )
  }
  // A program that does not read what it is told is no error of ours.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return endOf(child, options)
}

type Running = ReturnType<typeof spawn> & { readonly stdout: Readable; readonly stderr: Readable }

function endOf(
  child: Running,
  { limitMs, line = () => {}, signal }: Pick<ChildOptions, 'limitMs' | 'line' | 'signal'>,
): Promise<ChildEnd> {
  return new Promise((resolve) => {
    let last = ''
    let killed: string | null = null
    let ended: ChildEnd = { ok: false, reason: 'not ended by SIGKILL' }
    let grace: NodeJS.Timeout | undefined
    const told = (text: string): void => {
      last = text
      line(text)
    }
    const readers = [readLines(child.stdout, told), readLines(child.stderr, told)]
    const finish = (): void => {
      clearTimeout(timer)
      clearTimeout(grace)
      signal?.removeEventListener('abort', stop)
      for (const reader of readers) reader.end()
      resolve(killed === null ? { ...ended, reason: last === '' ? ended.reason : last } : { ok: false, reason: killed })
    }
    const kill = (why: string): void => {
      killed ??= why
      killGroup(child)
      grace ??= setTimeout(finish, lastWordsMs)
    }
    const stop = (): void => kill('stopped')
    const timer = setTimeout(() => kill(`no end in ${limitMs / 1_000} s`), limitMs)
    signal?.addEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    child.on('exit', (code, by) => {
      ended = { ok: code === 0, reason: by === null ? `exit ${code}` : `ended by ${by}` }
      killGroup(child)
      // A process that left the group may keep the pipes open for ever.
      grace ??= setTimeout(finish, lastWordsMs)
    })
    child.on('close', finish)
  })
}

function reducedEnvironment(): Record<string, string> {
  const known: Record<string, string> = {}
  for (const name of inherited) {
    const value = process.env[name]
    if (value !== undefined) known[name] = value
  }
  return known
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}

/** Lines as they come, each cut at its maximum; beyond the ceiling nothing is told any more, but it is still read. */
function readLines(stream: Readable, told: (text: string) => void): { end(): void } {
  let rest = ''
  let length = 0
  const say = (text: string): void => {
    const line = text.trimEnd().slice(0, lineMax)
    if (line !== '') told(line)
  }
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    length += text.length
    if (length > outputMax) return
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    for (const each of lines) say(each)
  })
  return {
    end() {
      say(rest)
      rest = ''
      stream.destroy()
    },
  }
}
