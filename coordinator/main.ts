import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runUntilSignal } from '../daemon/run.ts'
import { GuardianError } from '../protocol/errors.ts'
import { defaultConfigFile, loadCoordinatorConfig } from './config.ts'

const help = `Keeps the whole fleet as its holds want it: a connection to every agent, probes, gates, and an API.

Usage: guardian coordinator [--config FILE]
       guardian coordinator takeover [--help]
       guardian coordinator backup [--config FILE] NEWFILE

  --config FILE  the configuration (default: ${defaultConfigFile})

  takeover   lets a coordinator go on that was superseded: its store was restored, or a twin ran
  backup     copies the store to a new file, while the daemon runs or not

SIGHUP reads the configuration and the keys again; links of hosts that did not change stay up.
SIGTERM ends it, which drains nothing: a restarted coordinator goes on where it was.
`

const backupHelp = `Copies the coordinator's store to a new file, while the daemon runs or not.

Usage: guardian coordinator backup [--config FILE] NEWFILE

To put it back: stop the daemon, remove store.sqlite, store.sqlite-wal and store.sqlite-shm from the
state directory, copy the file there as store.sqlite (owner io-guardian-coordinator, mode 0600),
start the daemon, then run "guardian coordinator takeover". Agents report the holds that they have,
so a drain that is younger than the copy is not lost.
`

/** `guardian coordinator`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv
  if (name === 'takeover') return (await import('./takeover.ts')).runTakeover(rest)
  if (name === 'backup') return runBackup(rest)
  const { values } = readOptions(argv, 0)
  if (values.help === true) {
    process.stdout.write(help)
    return
  }
  const config = await loadCoordinatorConfig(values.config ?? defaultConfigFile)
  // A thousand handshakes would grow V8's young generation to 32 MB for good; a small one costs no measurable time.
  setFlagsFromString('--semi-space-growth-factor=1')
  const { openCoordinator } = await import('./coordinator.ts')
  await runUntilSignal((die) => openCoordinator(config, die))
}

async function runBackup(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readOptions(argv, 1)
  if (values.help === true) {
    process.stdout.write(backupHelp)
    return
  }
  const [to] = positionals
  if (to === undefined) throw new GuardianError('bad-request', 'guardian coordinator backup: name the new file')
  const { stateDir } = await loadCoordinatorConfig(values.config ?? defaultConfigFile)
  const { backupStore } = await import('./adapters/sqlite-store.ts')
  await backupStore(stateDir, to)
}

function readOptions(argv: readonly string[], positionalsMax: number) {
  try {
    const options = { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
    const read = parseArgs({ args: [...argv], options, allowPositionals: true })
    if (read.positionals.length <= positionalsMax) return read
    throw new Error(`${JSON.stringify(read.positionals[positionalsMax])} is not understood`)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new GuardianError('bad-request', `guardian coordinator: ${text}; see guardian coordinator --help`)
  }
}
