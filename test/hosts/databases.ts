import { execFile } from 'node:child_process'
import { chown, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './addresses.ts'
import { unit } from './graph.ts'
import type { Manager } from './manager.ts'

const run = promisify(execFile)

/** A database as a unit of a host. */
export interface Database {
  readonly unit: string
  readonly address: string
  readonly port: number
}

/** Writes `postgresql.service` with a new, empty cluster that trusts everybody on its address. */
export async function addPostgres(host: Manager, address: string): Promise<Database> {
  const programs = await postgresPrograms()
  const port = await freePort(address)
  const data = join(host.stateDir, 'postgresql')
  const as = await unprivileged()
  await mkdir(data, { mode: 0o700 })
  if (as !== null) await chown(data, as.uid, as.gid)
  const initdb = [
    join(programs, 'initdb'),
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]
  const [command = '', ...args] = [...droppedTo(as), ...initdb]
  await run(command, args, { cwd: '/' })
  const settings = [`listen_addresses=${address}`, `port=${port}`, 'unix_socket_directories=', 'fsync=off']
  const postgres = [join(programs, 'postgres'), '-D', data, ...settings.flatMap((each) => ['-c', each])]
  await host.writeUnit(
    'postgresql.service',
    unit({
      Unit: ['StartLimitIntervalSec=0'],
      Service: [
        'Type=notify',
        `ExecStart=${[...droppedTo(as), ...postgres].join(' ')}`,
        // Fast shutdown, as distributions have it: SIGTERM would wait for the last client.
        'KillSignal=SIGINT',
        'KillMode=mixed',
        'Restart=on-failure',
        'RestartSec=200ms',
        'TimeoutStopSec=infinity',
      ],
      Install: ['WantedBy=default.target'],
    }),
  )
  return { unit: 'postgresql.service', address, port }
}

/** Writes `redis.service`, which keeps nothing on disk. */
export async function addRedis(host: Manager, address: string): Promise<Database> {
  const port = await freePort(address)
  const options = [
    '--bind',
    address,
    '--port',
    `${port}`,
    '--supervised',
    'systemd',
    '--save',
    '""',
    '--dir',
    host.stateDir,
  ]
  await host.writeUnit(
    'redis.service',
    unit({
      Unit: ['StartLimitIntervalSec=0'],
      Service: ['Type=notify', `ExecStart=redis-server ${options.join(' ')}`, 'Restart=on-failure', 'RestartSec=200ms'],
      Install: ['WantedBy=default.target'],
    }),
  )
  return { unit: 'redis.service', address, port }
}

/** The folder of the newest PostgreSQL's server programs. */
export async function postgresPrograms(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const newest = versions
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => b - a)[0]
  if (newest !== undefined) return `/usr/lib/postgresql/${newest}/bin`
  const { stdout } = await run('sh', ['-c', 'dirname "$(realpath "$(command -v postgres)")"'])
  return stdout.trim()
}

interface Account {
  readonly uid: number
  readonly gid: number
}

// PostgreSQL refuses to run as root.
async function unprivileged(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody')
  if (found === undefined)
    throw new Error('neither a user postgres nor a user nobody in /etc/passwd to run PostgreSQL as')
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

function droppedTo(account: Account | null): readonly string[] {
  return account === null ? [] : ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups']
}
