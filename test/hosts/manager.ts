import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, open, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { booted, enroll, strike } from './booted.ts'
import { cgroupDirectory, cgroupOf, entrancesOf, killCgroup, makeCgroup, removeCgroup } from './cgroup.ts'
import { type Graph, unitsOf } from './graph.ts'
import { until } from './until.ts'

/** A real `systemd --user` that stands for one host: own units, own cgroup, own private D-Bus socket. */
export interface Manager extends AsyncDisposable {
  readonly name: string
  readonly root: string
  /** Where units go; `writeUnit` writes there. */
  readonly unitDir: string
  /** A place for the host's /run, and one for its /var/lib. */
  readonly runDir: string
  readonly stateDir: string
  /** What `"bus"` says in a configuration file of a daemon on this host. */
  readonly bus: string
  /** Name of its cgroup, as in a unit's ControlGroup. */
  readonly cgroup: string
  readonly pid: number
  /** What a process needs in order to be a unit's, and what `systemctl --user` needs in order to reach this host. */
  readonly environment: Readonly<Record<string, string>>
  /** Output of `systemctl --user …`; rejects with what it said where it fails. */
  systemctl(...args: readonly string[]): Promise<string>
  /** The same, never rejecting. */
  tried(...args: readonly string[]): Promise<Outcome>
  show(unit: string, property: string): Promise<string>
  /** Writes a unit whose output goes to a file, see `log`. Follow it with `daemonReload`. */
  writeUnit(name: string, text: string): Promise<void>
  daemonReload(): Promise<void>
  /** Writes a target with its wait unit and dependents as they ship, loads and enables them; starts nothing. */
  writeGraph(graph: Graph): Promise<void>
  /** What a unit wrote to its output. */
  log(unit: string): Promise<string>
  /** What the manager itself wrote. */
  journal(): Promise<string>
  /** Stops every unit in order, as a shutdown does; `startManager` with the same root boots it again. */
  poweroff(): Promise<void>
  /** Pulls the plug: ends every process of the host at once and sees that none is left. */
  stop(): Promise<void>
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const program = ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'].find((path) => existsSync(path))
const baseUnits = ['app.slice', 'basic.target', 'default.target', 'exit.target', 'paths.target', 'shutdown.target']
const moreBaseUnits = ['sockets.target', 'systemd-exit.service', 'timers.target']

/** Boots a host and resolves when it is up. With `root`, its directories are there (again) and stay. */
export async function startManager(options: { readonly name: string; readonly root?: string }): Promise<Manager> {
  const id = `guardian-${options.name}-${randomBytes(4).toString('hex')}`
  const root = options.root ?? join(tmpdir(), id)
  const runDir = runDirOf(root, id)
  const scratch = options.root === undefined ? [root] : [runDir]
  const environment = await layOut(root, runDir)
  const { pid, cgroup, exited } = await boot({ id, root, scratch, environment })
  const killAtExit = () => killCgroup(cgroup)
  process.once('exit', killAtExit)
  const end = async () => {
    process.off('exit', killAtExit)
    await removeCgroup(cgroup)
    await exited
    await strike(id)
    for (const each of scratch) await rm(each, { recursive: true, force: true })
  }
  const manager = managerOf({ name: options.name, root, runDir, environment, pid, cgroup, exited, end })
  try {
    await until(`host ${options.name} is up`, async () => {
      const { stdout } = await manager.tried('is-system-running')
      return ['running', 'degraded'].includes(stdout.trim())
    })
    // A unit that has dropped its rights, as PostgreSQL does, says through it that it is ready.
    await chmod(join(runDir, 'systemd/notify'), 0o666)
    return manager
  } catch (cause) {
    const said = await manager.journal()
    await manager.stop()
    throw new Error(`the systemd manager of host ${options.name} did not come up:\n${said}`, { cause })
  }
}

interface Parts extends Pick<Manager, 'name' | 'root' | 'runDir' | 'environment' | 'pid' | 'cgroup'> {
  readonly exited: Promise<unknown>
  readonly end: () => Promise<void>
}

function managerOf({ exited, end, ...parts }: Parts): Manager {
  const { root, runDir, environment } = parts
  const unitDir = unitDirOf(root)
  const tried = (...args: readonly string[]) => run('systemctl', ['--user', '--no-pager', ...args], environment)
  const systemctl = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await tried(...args)
    if (code !== 0) throw new Error(`${parts.name}: systemctl ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
    return stdout
  }
  const writeUnit = (name: string, text: string) => writeFile(join(unitDir, name), logged(text, join(root, 'log')))
  const daemonReload = async () => void (await systemctl('daemon-reload'))
  let ended: Promise<void> | null = null
  const stop = () => (ended ??= end())
  return {
    ...parts,
    unitDir,
    stateDir: join(root, 'state'),
    bus: `unix:path=${join(runDir, 'systemd/private')}`,
    tried,
    systemctl,
    stop,
    show: async (unit, property) => (await systemctl('show', '--value', '-p', property, unit)).trim(),
    writeUnit,
    daemonReload,
    writeGraph: async (graph) => {
      const units = unitsOf(graph, join(root, 'state'))
      for (const [unit, text] of Object.entries(units)) await writeUnit(unit, text)
      await daemonReload()
      await systemctl('enable', ...Object.keys(units))
    },
    log: (unit) => readFile(join(root, 'log', unit), 'utf8').catch(() => ''),
    journal: () => readFile(join(root, 'log/manager'), 'utf8'),
    poweroff: async () => {
      await systemctl('start', '--no-block', '--job-mode=replace-irreversibly', 'exit.target')
      await exited
      await stop()
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** The files of a host that has never been booted; those that are there stay as they are. */
async function layOut(root: string, runDir: string): Promise<Readonly<Record<string, string>>> {
  for (const each of ['home', 'config/systemd', 'state', 'log', 'base', 'none'])
    await mkdir(join(root, each), { recursive: true })
  await mkdir(unitDirOf(root), { recursive: true })
  // What a boot finds empty.
  await rm(runDir, { recursive: true, force: true })
  await mkdir(runDir, { mode: 0o711 })
  for (const unit of [...baseUnits, ...moreBaseUnits]) {
    const link = join(root, 'base', unit)
    if (!existsSync(link)) await symlink(join('/usr/lib/systemd/user', unit), link)
  }
  return {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: join(root, 'home'),
    XDG_RUNTIME_DIR: runDir,
    XDG_CONFIG_HOME: join(root, 'config'),
    // Only what a test wrote and the plainest targets: no units or generators of the machine.
    SYSTEMD_UNIT_PATH: `${unitDirOf(root)}:${join(root, 'base')}`,
    SYSTEMD_GENERATOR_PATH: join(root, 'none'),
    SYSTEMD_ENVIRONMENT_GENERATOR_PATH: join(root, 'none'),
    SYSTEMD_COLORS: '0',
  }
}

interface Booting {
  readonly id: string
  readonly root: string
  readonly scratch: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

async function boot({ id, root, scratch, environment: env }: Booting) {
  if (program === undefined) throw new Error('no /lib/systemd/systemd here: install the package systemd')
  const own = booted ? null : join(await cgroupOf('self'), id)
  if (own !== null) await ownCgroup(id, own, scratch)
  const environment = { ...env, SYSTEMD_LOG_TARGET: 'console', SYSTEMD_LOG_TIME: '1' }
  await using log = await open(join(root, 'log/manager'), 'a')
  const [command, ...args] = own === null ? scoped(id, environment) : entering(own)
  const child = spawn(command, [...args, program, '--user'], {
    // systemd-run speaks to the session's own manager, so it needs the environment of this process.
    env: own === null ? process.env : environment,
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  })
  const exited = once(child, 'exit')
  await once(child, 'spawn')
  if (child.pid === undefined) throw new Error('the manager has no pid')
  const pid = child.pid
  const cgroup = own ?? (await until(`${id} is in its scope`, async () => scopeOf(pid, id), { limitMs: 10_000 }))
  if (own === null) await enroll(id, { cgroup, scratch })
  return { pid, cgroup, exited }
}

async function ownCgroup(id: string, group: string, scratch: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error(
      'a host of its own needs root, or a machine booted with systemd and a session there (XDG_RUNTIME_DIR)',
    )
  }
  await enroll(id, { cgroup: group, scratch })
  await makeCgroup(group)
}

function entering(group: string): readonly [string, ...string[]] {
  const script = 'until [ "$1" = -- ]; do echo $$ >"$1" || exit 70; shift; done; shift; exec "$@"'
  return ['/bin/sh', '-c', script, 'sh', ...entrancesOf(group), '--']
}

// A booted machine's own systemd hands out a cgroup that it keeps its hands off.
function scoped(id: string, environment: Readonly<Record<string, string>>): readonly [string, ...string[]] {
  const whose = process.getuid?.() === 0 ? ['--system'] : ['--user']
  const set = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return [
    'systemd-run',
    ...whose,
    '--scope',
    '--quiet',
    '--collect',
    '-p',
    'Delegate=yes',
    `--unit=${id}`,
    '--',
    'env',
    '-i',
    ...set,
  ]
}

async function scopeOf(pid: number, id: string): Promise<string | false> {
  const group = await cgroupOf(pid)
  // The manager moves itself into init.scope below it.
  const end = group.indexOf(`${id}.scope`)
  return end >= 0 && existsSync(cgroupDirectory(group)) ? group.slice(0, end + `${id}.scope`.length) : false
}

// A user manager has no journal, so each unit writes to a file of its name.
function logged(text: string, directory: string): string {
  const lines = ['StandardOutput', 'StandardError'].filter((name) => !text.includes(`${name}=`))
  return text.replace('[Service]\n', `[Service]\n${lines.map((name) => `${name}=append:${directory}/%n\n`).join('')}`)
}

/** A socket's path ends at 108 bytes, so the /run of a host deep down in the file system is elsewhere. */
function runDirOf(root: string, id: string): string {
  return root.length <= 50 ? join(root, 'run') : join(tmpdir(), id)
}

function unitDirOf(root: string): string {
  return join(root, 'config/systemd/user')
}

export function run(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { env: environment, maxBuffer: 16 << 20 }, (failure, stdout, stderr) => {
      const code = failure === null ? 0 : typeof failure.code === 'number' ? failure.code : 255
      resolve({ code, stdout, stderr })
    })
  })
}
