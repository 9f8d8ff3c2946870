import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Asked } from '../../install/install.ts'
import type { World } from '../../install/world.ts'

export interface FakeWorld extends World {
  readonly said: string[]
  readonly ran: string[]
}

/** A person at a terminal; `answers` say what a command puts out, by its beginning. */
export function fakeWorld(over: Partial<World> = {}, answers: Readonly<Record<string, string>> = {}): FakeWorld {
  const said: string[] = []
  const ran: string[] = []
  return {
    said,
    ran,
    isRoot: true,
    systemd: false,
    program: '/usr/bin/guardian',
    notifies: true,
    say: (line) => void said.push(line),
    run: async (command) => {
      const text = command.join(' ')
      ran.push(text)
      const [, out = ''] = Object.entries(answers).find(([begin]) => text.startsWith(begin)) ?? []
      return { code: 0, out, err: '' }
    },
    ...over,
  }
}

export function asked(role: Asked['role'], prefix: string, over: Partial<Asked> = {}): Asked {
  return { role, prefix, dryRun: false, dependents: [], target: undefined, rebuild: false, gates: new Map(), ...over }
}

/** Every file and link below a directory with its text; a link has none. */
export async function treeOf(root: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  const texts = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path.slice(root.length), entry.isFile() ? await readFile(path, 'utf8') : ''] as const
  })
  return Object.fromEntries((await Promise.all(texts)).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

export async function layOut(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

const service = '[Service]\nExecStart=/bin/sleep infinity\n'

/** A Debian 12 with PostgreSQL and Redis. */
export const databaseHost: Readonly<Record<string, string>> = {
  '/etc/postgresql/15/main/postgresql.conf': 'port = 5432\t\t\t\t# (change requires restart)\n',
  '/etc/postgresql/15/main/start.conf': '# Automatic startup configuration\n\nauto\n',
  '/lib/systemd/system/postgresql.service': service,
  '/lib/systemd/system/postgresql@.service': service,
  '/lib/systemd/system/redis-server.service': service,
}

/** A host with services of each kind. */
export const webHost: Readonly<Record<string, string>> = {
  '/lib/systemd/system/web.service': service,
  '/lib/systemd/system/report.service': service,
  '/lib/systemd/system/report.timer': '[Timer]\nOnCalendar=hourly\n',
  '/lib/systemd/system/chat@.service': service,
  '/lib/systemd/system/chat@.socket': '[Socket]\nListenStream=/run/chat\n',
}
