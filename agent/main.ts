import { setFlagsFromString } from 'node:v8'
import { createLog } from '../daemon/log.ts'
import { openNotify } from '../daemon/notify.ts'
import { runUntilSignal } from '../daemon/run.ts'
import { openAgent } from './agent.ts'
import { readOptions } from './options.ts'

const help = `Keeps the targets of this host drained or open, as the coordinator says.

Usage: guardian agent [--config FILE]
       guardian agent --psk-file FILE [--host ADDRESS] [--port PORT] [--target NAME=UNIT]… [--bus BUS]
                      [--state-dir DIR] [--runtime-dir DIR]

  --config FILE         all settings from FILE (default /etc/guardian/agent.json, where it exists and
                        nothing else is given; GUARDIAN_CONFIG)

Without a file, as IO Guardian's server was started; protocol v1 is then accepted with the same key:

  --psk-file FILE       the key, readable by this user alone (GUARDIAN_PSK_FILE; default: the
                        systemd credential "psk")
  --host ADDRESS        where to listen (GUARDIAN_HOST; 0.0.0.0)
  --port PORT           (GUARDIAN_PORT; 9876)
  --target NAME=UNIT    a target to keep, may be repeated (GUARDIAN_TARGET, separated by commas;
                        io-databases=io-databases.target)
  --bus BUS             system, private (/run/systemd/private, as root), user, or
                        unix:path=SOCKET (GUARDIAN_BUS; system)
  --state-dir DIR       markers of drained targets (GUARDIAN_STATE_DIR; /var/lib/io-guardian)
  --runtime-dir DIR     the socket that "guardian wait" asks (GUARDIAN_RUNTIME_DIR; /run/io-guardian)

SIGHUP reads keys anew and drains nothing. Exit codes: 0 stopped by a signal, 1 internal error,
2 wrong usage, configuration, key file, port or bus.
`

/** `guardian agent`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const { help: isHelp, load } = readOptions(argv, process.env)
  if (isHelp) {
    process.stdout.write(help)
    return
  }
  // A drain of many units would grow V8's young generation to 32 MB for good.
  setFlagsFromString('--semi-space-growth-factor=1')
  const log = createLog({ name: 'agent' })
  const notify = await openNotify((text) => log.warn(text))
  await runUntilSignal((die) =>
    openAgent({
      load,
      env: process.env,
      log,
      notify,
      die: (cause) => {
        log.fatal({ event: 'bug', err: cause }, 'internal error')
        die(cause)
      },
    }),
  )
}
