import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boot } from './boot.ts'
import { strike } from './booted.ts'
import { killCgroup, removeCgroup } from './cgroup.ts'
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
  /** ActiveState of several units, by name. */
  states(units: readonly string[]): Promise<ReadonlyMap<string, string>>
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

const baseUnits = ['app.slice', 'basic.target', 'default.target', 'exit.target', 'paths.target', 'shutdown.target']
const moreBaseUnits = ['sockets.target', 'systemd-exit.service', 'timers.target']

export interface ManagerOptions {
  readonly name: string
  readonly root?: string
  /** What goes as well when this process is killed, and another one ends the host. */
  readonly sweep?: readonly string[]
}

/** Boots a host and resolves when it is up. With `root`, its directories are there (again) and stay. */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const id = `guardian-${options.name}-${randomBytes(4).toString('hex')}`
  const root = options.root ?? join(tmpdir(), id)
  const runDir = runDirOf(root, id)
  const scratch = options.root === undefined ? [root] : [runDir]
  const environment = await layOut(root, runDir)
  const { pid, cgroup, exited } = await boot({ id, root, scratch: [...scratch, ...(options.sweep ?? [])], environment })
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
    states: async (units) => {
      const values = (await systemctl('show', '--value', '-p', 'ActiveState', ...units)).split('\n').filter(Boolean)
      return new Map(units.map((unit, at) => [unit, values[at] ?? 'unknown']))
    },
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
