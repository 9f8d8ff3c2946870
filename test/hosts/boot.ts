import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from './launch.ts'

const program = ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'].find((path) => existsSync(path))

interface Booting {
  readonly id: string
  readonly root: string
  readonly scratch: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Starts the manager itself. */
export async function boot({ id, root, scratch, environment }: Booting) {
  if (program === undefined) throw new Error('no /lib/systemd/systemd here: install the package systemd')
  return launch({
    id,
    command: [program, '--user'],
    environment: { ...environment, SYSTEMD_LOG_TARGET: 'console', SYSTEMD_LOG_TIME: '1' },
    log: join(root, 'log/manager'),
    scratch,
  })
}
