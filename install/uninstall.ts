import { mkdir, rm, rmdir, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { codeOf } from '../daemon/reason.ts'
import { GuardianError } from '../protocol/errors.ts'
import { mustRun, notRoot } from './install.ts'
import { type Machine, openMachine } from './machine.ts'
import type { Role } from './plan.ts'
import { type Removal, type RemovalWishes, removalOf } from './removal.ts'
import { openWorld, type World } from './world.ts'

const help = `Takes away what "guardian install" has put on this machine. Drains nothing: what runs goes on running.

Usage: guardian uninstall agent|coordinator [--purge] [--keep-state] [--dry-run] [--prefix DIR]

  --purge        take away /etc/guardian with its keys and configuration as well
  --keep-state   leave state, users and groups, as for an installation that comes back
  --dry-run      say what would be done, and do nothing
  --prefix DIR   below DIR, and run nothing

Dependents that are drained now stay stopped until somebody starts them.

Exit codes: 0 done, or nothing to do · 1 a command failed · 2 wrong usage · 6 not root
`

/** `guardian uninstall`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const asked = readOptions(argv)
  if (asked === 'help') {
    process.stdout.write(help)
    return
  }
  await uninstall(asked, openWorld())
}

export interface AskedRemoval extends RemovalWishes {
  readonly dryRun: boolean
  readonly prefix: string
}

export async function uninstall(asked: AskedRemoval, world: World): Promise<void> {
  if (!world.isRoot && !asked.dryRun && asked.prefix === '') throw notRoot('uninstall')
  const machine = openMachine(asked.prefix)
  const removal = await removalOf(machine, asked)
  const accounts = await accountsOf(machine, removal)
  const paths = [...removal.files, ...removal.directories]
  if (paths.length + accounts.users.length + accounts.groups.length === 0) return world.say('nothing to remove')
  if (asked.dryRun) {
    for (const path of paths) world.say(`would remove ${path}`)
    for (const name of [...accounts.users, ...accounts.groups]) world.say(`would remove the account ${name}`)
    return
  }
  for (const path of removal.files) await remove(machine, path, world)
  for (const path of removal.emptied) await rmdir(machine.at(path)).catch(unlessFull)
  const runs = asked.prefix === '' && world.systemd
  if (runs) await stopUnits(asked.role, removal, world)
  for (const path of removal.directories) await remove(machine, path, world)
  if (asked.prefix === '') await removeAccounts(machine, removal, world)
}

async function remove(machine: Machine, path: string, { say }: World): Promise<void> {
  await rm(machine.at(path), { recursive: true, force: true })
  say(`removed ${path}`)
}

const quietGate = '/run/systemd/system/io-guardian-gate@.service.d/uninstall.conf'

/** With the drop-ins of dependents and gates gone, nothing stops along, and no gate drains. */
async function stopUnits(role: Role, { units }: Removal, world: World): Promise<void> {
  if (role === 'coordinator') {
    // Where a package has the gate's unit, it is still there and would drain the fleet.
    await mkdir(dirname(quietGate), { recursive: true })
    await writeFile(quietGate, '[Service]\nExecStopPost=\n')
  }
  await mustRun(world, ['systemctl', 'daemon-reload'])
  for (const unit of units) await world.run(['systemctl', 'stop', unit])
  for (const unit of units) await world.run(['systemctl', 'reset-failed', unit])
  world.say(`stopped ${units.join(', ')}`)
  if (role === 'agent') return
  await unlink(quietGate)
  await rmdir(dirname(quietGate)).catch(unlessFull)
  await mustRun(world, ['systemctl', 'daemon-reload'])
}

interface Accounts {
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

/** Those that are there. */
async function accountsOf(machine: Machine, { users, groups }: Removal): Promise<Accounts> {
  const named = async (file: string): Promise<(name: string) => boolean> => {
    const lines = ((await machine.read(file)) ?? '').split('\n')
    return (name) => lines.some((line) => line.startsWith(`${name}:`))
  }
  return { users: users.filter(await named('/etc/passwd')), groups: groups.filter(await named('/etc/group')) }
}

async function removeAccounts(machine: Machine, removal: Removal, world: World): Promise<void> {
  const { users } = await accountsOf(machine, removal)
  for (const user of users) await mustRun(world, ['userdel', user])
  // A user's own group has mostly gone with it.
  const { groups } = await accountsOf(machine, removal)
  for (const group of groups) await mustRun(world, ['groupdel', group])
}

function unlessFull(cause: unknown): void {
  const code = codeOf(cause)
  if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw cause
}

/** @throws GuardianError `bad-request` */
export function readOptions(argv: readonly string[]): AskedRemoval | 'help' {
  const { values, positionals } = parse(argv)
  if (values.help === true) return 'help'
  const [role, ...rest] = positionals
  if ((role !== 'agent' && role !== 'coordinator') || rest.length > 0) {
    throw wrong('say "guardian uninstall agent" or "guardian uninstall coordinator"')
  }
  const { purge = false, 'keep-state': keepState = false, 'dry-run': dryRun = false, prefix = '' } = values
  return { role, purge, keepState, dryRun, prefix }
}

function parse(argv: readonly string[]) {
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        purge: flag,
        'keep-state': flag,
        'dry-run': flag,
        prefix: { type: 'string' },
        help: { ...flag, short: 'h' },
      },
      allowPositionals: true,
    })
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}

function wrong(text: string): GuardianError {
  return new GuardianError('bad-request', `guardian uninstall: ${text}; see --help`)
}
