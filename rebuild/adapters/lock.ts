import { spawn } from 'node:child_process'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { GuardianError } from '../../protocol/errors.ts'
import type { Run } from './tools.ts'

/** The helper's own lock: no two of its actions at once. It goes with the process, however that ends. */
export async function takeLock(path: string, waitMs: number): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  const file = await open(path, 'a', 0o600)
  // A lock belongs to the open file, which both processes share, and stays with the one that is left.
  const taking = spawn('flock', ['--exclusive', '--wait', `${Math.ceil(waitMs / 1_000)}`, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
  })
  const code = await new Promise<number | null>((resolve) => {
    taking.once('error', () => resolve(null))
    taking.once('close', resolve)
  })
  if (code === 0) return { [Symbol.asyncDispose]: () => file.close() }
  await file.close()
  throw new GuardianError('too-many', code === null ? 'flock is not on PATH' : `another rebuild action has ${path}`)
}

/** Who has a lock of somebody else's, without waiting for it; null where nobody has. */
export async function holderOf(path: string, run: Run): Promise<string | null> {
  const found = await stat(path).catch(() => null)
  if (found === null) return null
  const { code } = await run('flock', ['--nonblock', '--exclusive', path, 'true'])
  if (code === 0) return null
  const locks = await readFile('/proc/locks', 'utf8').catch(() => '')
  const line = locks.split('\n').find((each) => each.includes(`:${found.ino} `))
  const pid = line?.trim().split(/\s+/)[4] ?? ''
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  return name === '' ? `${path} is locked` : `${name.trim()} (process ${pid})`
}
