import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Right, RightsFacts } from '../core/rights.ts'
import { type Account, run } from './accounts.ts'

export interface RightsQuestion {
  /** The agent's bus, as it is configured. */
  readonly bus: string
  readonly account: Account
  /** The agent's process; 0 where it does not run. */
  readonly pid: number
  readonly units: readonly string[]
}

/** Asks polkit what systemd would ask it; nothing is started or stopped. */
export async function readRights({ bus, account, pid, units }: RightsQuestion): Promise<RightsFacts> {
  const about = { user: account.name, units }
  // Only on the system's bus is anybody obeyed who is not the manager's own user.
  if (bus !== 'system' || account.uid === 0) return { ...about, answer: { is: 'not-needed' } }
  if (process.getuid?.() !== 0) return { ...about, answer: { is: 'not-root' } }
  if (pid !== 0) return { ...about, answer: await askAll(account, pid, units) }
  await using stand = await standIn(account)
  if (stand.pid === null)
    return { ...about, answer: { is: 'unknown', reason: `no process of ${account.name} can be made` } }
  return { ...about, answer: await askAll(account, stand.pid, units) }
}

/** Polkit knows people by their processes, so one stands in for an agent that does not run. */
async function standIn({ name, gid }: Account): Promise<AsyncDisposable & { readonly pid: number | null }> {
  const flags = [`--reuid=${name}`, `--regid=${gid}`, '--init-groups']
  const child = spawn('setpriv', [...flags, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = new Promise<null>((resolve) =>
    child.once('close', () => resolve(null)).once('error', () => resolve(null)),
  )
  child.stdin.on('error', () => {})
  child.stdin.write('?')
  // What comes back says that it has become that user.
  const echo = new Promise<number | null>((resolve) => child.stdout.once('data', () => resolve(child.pid ?? null)))
  return {
    pid: await Promise.race([echo, ended]),
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}

async function askAll(account: Account, pid: number, units: readonly string[]): Promise<RightsFacts['answer']> {
  const rights = units.flatMap((unit) => ['start', 'stop', 'reset-failed'].map((verb): Right => ({ verb, unit })))
  const refused: Right[] = []
  for (const right of rights) {
    const { code, text } = await ask(account, pid, right)
    if (code === null || text.includes('was not provided by any .service')) return { is: 'no-polkit' }
    // 1: no, 2: after a password, 3: not given one.
    if (code > 3) return { is: 'unknown', reason: text.trim().split('\n')[0] ?? '' }
    if (code !== 0) refused.push(right)
  }
  return { is: 'asked', refused }
}

async function ask({ uid }: Account, pid: number, { verb, unit }: Right) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name may hold anything, so fields are counted from behind it.
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  const subject = ['--process', `${pid},${startTime},${uid}`]
  const details = ['--detail', 'unit', unit, '--detail', 'verb', verb]
  return await run('pkcheck', ['--action-id', 'org.freedesktop.systemd1.manage-units', ...subject, ...details])
}
