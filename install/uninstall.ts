import { mkdir, rm, rmdir, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { GuardianError } from '../protocol/errors.ts'
import { removeEmptied, unlessFull } from './change.ts'
import { mustRun, notRoot, tellHidden } from './install.ts'
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
  const accounts = asked.prefix === '' ? await accountsOf(machine, removal) : { users: [], groups: [] }
  const paths = [...removal.files, ...removal.directories]
  const runs = asked.prefix === '' && world.systemd
  if (paths.length + accounts.users.length + accounts.groups.length === 0) world.say('nothing to remove')
  else if (asked.dryRun) {
    for (const path of paths) world.say(`would remove ${path}`)
    const targets = removal.targets.flatMap(({ target, wait }) => [target, wait])
    if (runs) world.say(`would stop ${[...removal.units, ...targets].join(', ')}`)
    for (const name of [...accounts.users, ...accounts.groups]) world.say(`would remove the account ${name}`)
  } else {
    for (const path of removal.files) await remove(machine, path, world)
    await removeEmptied(machine, removal.files)
    if (runs) await stopUnits(asked.role, removal, world)
    for (const path of removal.directories) await remove(machine, path, world)
    if (asked.prefix === '') await removeAccounts(machine, removal, world)
  }
  for (const { path, target } of removal.clinging) {
    world.say(`next: take ${target} out of ${path}: what needs it can start no more`)
  }
  tellHidden(machine, world)
}

async function remove(machine: Machine, path: string, { say }: World): Promise<void> {
  await rm(machine.at(path), { recursive: true, force: true })
  say(`removed ${path}`)
}

const quietGate = '/run/systemd/system/io-guardian-gate@.service.d/uninstall.conf'

/** With the drop-ins of dependents and gates gone, nothing stops along, and no gate drains. */
export async function stopUnits(
  role: Role,
  { units, targets }: Pick<Removal, 'units' | 'targets'>,
  world: World,
): Promise<void> {
  if (role === 'coordinator') {
    // Where a package has the gate's unit, it is still there and would drain the fleet.
    await mkdir(dirname(quietGate), { recursive: true })
    await writeFile(quietGate, '[Service]\nExecStopPost=\n')
  }
  await mustRun(world, ['systemctl', 'daemon-reload'])
  const kept = new Set<string>()
  for (const { target, wait } of targets) {
    const others = (await hangingOn(target, world)).filter((unit) => unit !== wait)
    if (others.length === 0) continue
    kept.add(target).add(wait)
    world.say(`left ${target} as it is: a stop of it would stop ${others.join(', ')}`)
  }
  const stopped = [...units, ...targets.flatMap(({ target, wait }) => [target, wait])].filter((unit) => !kept.has(unit))
  for (const unit of stopped) await world.run(['systemctl', 'stop', unit])
  for (const unit of stopped) await world.run(['systemctl', 'reset-failed', unit])
  world.say(`stopped ${stopped.join(', ')}`)
  if (role === 'agent') return
  await unlink(quietGate)
  await rmdir(dirname(quietGate)).catch(unlessFull)
  await mustRun(world, ['systemctl', 'daemon-reload'])
}

/** What a stop of a target would take along, by files that are not removed. */
async function hangingOn(target: string, { run }: World): Promise<readonly string[]> {
  const ties = ['RequiredBy', 'BoundBy', 'ConsistsOf'].flatMap((name) => ['-p', name])
  const { out } = await run(['systemctl', 'show', '--value', ...ties, target])
  return [...new Set(out.split(/\s+/).filter((unit) => unit !== ''))]
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

/** @throws GuardianError `bad-request` */
export function readOptions(argv: readonly string[]): AskedRemoval | 'help' {
  const { values, positionals } = parse(argv)
  if (values.help === true) return 'help'
  const [role, ...rest] = positionals
  if ((role !== 'agent' && role !== 'coordinator') || rest.length > 0) {
    throw wrong('say "guardian uninstall agent" or "guardian uninstall coordinator"')
  }
  if (values.prefix === '') throw wrong('--prefix needs a directory')
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
