import { execFile } from 'node:child_process'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unit } from '../hosts/graph.ts'
import type { Worker } from './cast.ts'
import type { Host } from './host.ts'

// IO Guardian as its documentation has it installed, with fakes in place of its Python.

const tree = fileURLToPath(new URL('../../', import.meta.url))
const program = '/opt/io-guardian'
const psk = '/etc/io-guardian/psk'
const credential = `LoadCredential=psk:${psk}`
const units = 'etc/systemd/system'

/** A host that lives from the databases: server, target, wait unit, and the services that hang on the target. */
export async function layServer(host: Host, workers: readonly Worker[], key: string): Promise<void> {
  await layProgram(host, 'server', key)
  const names = workers.map((worker) => worker.unit)
  const wait = 'wait-for-io-databases.service'
  const write = (name: string, text: string) => writeFile(join(host.root, units, name), text)
  for (const worker of workers) await write(worker.unit, worker.text)
  await write(
    'io-guardian.service',
    unit({
      Unit: ['Wants=network-online.target', 'After=network-online.target'],
      Service: [
        `ExecStart=${node('server')} --host 0.0.0.0 --port 9876 --psk-file %d/psk`,
        credential,
        'Restart=always',
      ],
      Install: ['WantedBy=multi-user.target'],
    }),
  )
  await write(
    'io-databases.target',
    unit({
      Unit: [`BindsTo=${wait}`, `After=network-online.target ${wait}`, `Upholds=${names.join(' ')}`],
      Install: ['WantedBy=multi-user.target', `RequiredBy=${names.join(' ')}`],
    }),
  )
  const ask = 'until pg_isready -qh io && redis-cli -h io ping; do sleep 1; done'
  await write(
    wait,
    unit({
      Unit: ['Wants=network-online.target', 'After=network-online.target'],
      Service: ['Type=oneshot', 'RemainAfterExit=yes', `ExecStart=/bin/sh -c '${ask}'`],
    }),
  )
  await host.systemctl('daemon-reload')
  await host.systemctl('enable', '--now', 'io-guardian.service', 'io-databases.target', ...names)
}

/** The host that has the databases: the client, whose start undrains the hosts and whose stop drains them. */
export async function layClient(io: Host, hosts: readonly Host[], databases: string, key: string): Promise<void> {
  await layProgram(io, 'client', key)
  const order = (action: string) => {
    return `${node('client')} --action ${action} --hosts ${hosts.map(({ name }) => name).join(',')} --psk-file %d/psk`
  }
  const text = unit({
    Unit: [`BindsTo=${databases}`, `PartOf=${databases}`, `After=${databases} network-online.target`],
    Service: [
      'Type=oneshot',
      'RemainAfterExit=yes',
      'TimeoutStopSec=90s',
      credential,
      `ExecStart=${order('undrain')}`,
      `ExecStop=${order('drain')}`,
    ],
    Install: ['WantedBy=multi-user.target'],
  })
  await writeFile(join(io.root, units, 'io-database-coordinator.service'), text)
  await io.systemctl('daemon-reload')
  await io.systemctl('enable', '--now', 'io-database-coordinator.service')
}

const node = (name: string) => `${program}/node ${program}/${name}.js`

async function layProgram(host: Host, name: 'server' | 'client', key: string): Promise<void> {
  const at = (path: string) => join(host.root, path)
  await mkdir(at('etc/io-guardian'), { recursive: true })
  await writeFile(at(psk), `${key}\n`, { mode: 0o600 })
  await mkdir(at(program))
  await copyFile(process.execPath, at(`${program}/node`))
  await promisify(execFile)(join(tree, 'node_modules/.bin/esbuild'), [
    join(tree, `test/fakes/v1-${name}-unit.ts`),
    ...['--bundle', '--platform=node', '--external:bufferutil', '--external:utf-8-validate', '--log-level=warning'],
    `--outfile=${at(`${program}/${name}.js`)}`,
  ])
}
