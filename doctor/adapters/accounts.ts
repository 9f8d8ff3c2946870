import { execFile } from 'node:child_process'
import { access, constants, readFile } from 'node:fs/promises'
import type { May } from '../core/files.ts'
import type { UnitFacts } from '../core/unit.ts'

/** A user of this machine. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface Outcome {
  /** Null where the program could not be run at all. */
  readonly code: number | null
  readonly text: string
}

const runLimitMs = 10_000

/** Runs a program and never rejects. */
export function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, LC_ALL: 'C' }
    execFile(program, args, { env, timeout: runLimitMs }, (failure, stdout, stderr) => {
      if (failure === null) return resolve({ code: 0, text: stdout })
      resolve({ code: typeof failure.code === 'number' ? failure.code : null, text: stderr || stdout })
    })
  })
}

/** By name or number, from wherever this machine keeps its users. */
export async function findAccount(user: string | number): Promise<Account | null> {
  const { code, text } = await run('getent', ['passwd', String(user)])
  const [name, , uid, gid] = text.trim().split(':')
  return code === 0 && name !== undefined ? { name, uid: Number(uid), gid: Number(gid) } : null
}

export async function groupName(gid: number): Promise<string> {
  const { code, text } = await run('getent', ['group', String(gid)])
  const [name] = text.split(':')
  return code === 0 && name !== undefined ? name : String(gid)
}

export async function groupsOf(user: string): Promise<readonly string[]> {
  const { code, text } = await run('id', ['-nG', user])
  return code === 0 ? text.trim().split(' ') : []
}

/** Whose processes a unit's are: by what runs, else by what stands in it. */
export async function accountOf(unit: UnitFacts | null): Promise<Account> {
  const { user = '', mainPid = 0 } = unit?.service ?? {}
  const running = mainPid === 0 ? null : await uidOf(mainPid)
  const wanted = running ?? (user === '' ? (process.getuid?.() ?? 0) : user)
  return (await findAccount(wanted)) ?? { name: String(wanted), uid: Number(wanted), gid: Number(wanted) }
}

async function uidOf(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]
  return uid === undefined ? null : Number(uid)
}

/** Asked of the kernel in that user's name, so that groups, lists and read-only disks count. */
export async function may(account: Account, how: 'read' | 'write', path: string): Promise<May> {
  const uid = process.getuid?.()
  if (account.uid === uid) {
    return access(path, how === 'read' ? constants.R_OK : constants.W_OK).then(
      () => true,
      () => false,
    )
  }
  if (uid !== 0) return null
  const { name, gid } = account
  const flags = [`--reuid=${name}`, `--regid=${gid}`, '--init-groups']
  const { code, text } = await run('setpriv', [...flags, 'test', how === 'read' ? '-r' : '-w', path])
  // A test that fails says nothing; setpriv says why it could not ask.
  return code === 0 ? true : code === 1 && text === '' ? false : null
}
