import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { portOf } from './psk-server.ts'

const run = promisify(execFile)
const postgresBin = process.env.GUARDIAN_POSTGRES_BIN ?? '/usr/lib/postgresql/15/bin'

// initdb and postgres refuse to run as root.
const dropRoot = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : []

export interface Database extends AsyncDisposable {
  readonly port: number
  readonly directory: string
}

export interface PostgresParts {
  /** The method of pg_hba.conf for everybody. */
  readonly auth: 'trust' | 'scram-sha-256'
  readonly standby?: boolean
}

/** A real PostgreSQL on a free loopback port and on a unix socket in `directory`; superuser `owner`. */
export async function startPostgres({ auth, standby = false }: PostgresParts): Promise<Database> {
  const directory = await ownDirectory()
  const data = join(directory, 'data')
  const password = join(directory, 'password')
  await writeFile(password, 'owners-password', { mode: 0o644 })
  await runAsUser(join(postgresBin, 'initdb'), ['-D', data, '-U', 'owner', '-A', auth, '--pwfile', password, '-N'])
  if (standby) await runAsUser('touch', [join(data, 'standby.signal')])
  const port = await freePort()
  const settings = ['fsync=off', 'listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${directory}`]
  const [command = '', ...args] = [...dropRoot, join(postgresBin, 'postgres'), '-D', data]
  const server = spawn(command, [...args, ...settings.flatMap((setting) => ['-c', setting])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await says(server.stderr, /ready to accept/)
  return database(server, directory, port, 'SIGINT')
}

/** A real Redis on a free loopback port and on `<directory>/redis.sock`. */
export async function startRedis(more: readonly string[] = []): Promise<Database> {
  const directory = await ownDirectory()
  const port = await freePort()
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--unixsocket', `${directory}/redis.sock`]
  const server = spawn('redis-server', [...settings, ...more], { stdio: ['ignore', 'pipe', 'ignore'], cwd: directory })
  await says(server.stdout, /Ready to accept connections/)
  return database(server, directory, port, 'SIGTERM')
}

async function ownDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'guardian-db-'))
  await chmod(directory, 0o777)
  return directory
}

async function runAsUser(program: string, args: readonly string[]): Promise<void> {
  const [command = '', ...rest] = [...dropRoot, program, ...args]
  await run(command, rest, { cwd: '/' })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server.address())
  server.close()
  await once(server, 'close')
  return port
}

async function says(stream: Readable, text: RegExp): Promise<void> {
  const lines: string[] = []
  for await (const line of createInterface({ input: stream })) {
    lines.push(line)
    if (!text.test(line)) continue
    stream.resume()
    return
  }
  throw new Error(`the server ended:\n${lines.join('\n')}`)
}

function database(server: ChildProcess, directory: string, port: number, signal: NodeJS.Signals): Database {
  return {
    port,
    directory,
    async [Symbol.asyncDispose]() {
      const exited = server.exitCode === null ? once(server, 'exit') : null
      server.kill(signal)
      await exited
      await rm(directory, { recursive: true })
    },
  }
}
