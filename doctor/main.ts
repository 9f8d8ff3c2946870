import { parseArgs } from 'node:util'
import { GuardianError } from '../protocol/errors.ts'
import type { Asked } from './survey.ts'

const help = `Says what is wrong with guardian on this host, what it should be, and what mends it.

Usage: guardian doctor [--config FILE]… [--bus BUS] [--json]

  --config FILE  look at this agent.json or coordinator.json, may be repeated (default: whatever
                 io-guardian.service and io-guardian-coordinator.service run with, else
                 /etc/guardian/agent.json and /etc/guardian/coordinator.json, where they exist)
  --bus BUS      where systemd answers, as in agent.json: system, private (/run/systemd/private, as
                 root), user, or unix:path=SOCKET (default: what agent.json says, else system)
  --json         {"looked": […], "findings": [{"severity", "rule", "found", "wanted", "write", "run"}]}

It looks at keys, configuration and daemons; on an agent's host at its port, its rights, its state
directory, each target, its wait unit and everything that hangs on it; on a coordinator's host at
the gates and the units that they are bound to, at every agent, and at what holds hosts drained.
It changes nothing. Run it as root: others may not see keys, and polkit answers root alone.

  error    a promise does not hold, or will not when it is needed
  warning  it works, but not as it should
  hint     it works, and could be better

Exit codes: 0 no error, 1 internal error, 2 wrong usage, 3 errors found.
`

/** `guardian doctor`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const { json, help: isHelp, ...asked } = readArguments(argv)
  if (isHelp) {
    process.stdout.write(help)
    return
  }
  const [{ survey }, { linesOf }] = await Promise.all([import('./survey.ts'), import('./render.ts')])
  const found = await survey(asked)
  process.stdout.write(json ? `${JSON.stringify(found)}\n` : `${linesOf(found).join('\n')}\n`)
  if (found.findings.some(({ severity }) => severity === 'error')) process.exitCode = 3
}

function readArguments(argv: readonly string[]): Asked & { readonly json: boolean; readonly help: boolean } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string', multiple: true },
        bus: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    const { config: configs = [], bus = null, json = false, help: isHelp = false } = values
    return { configs, bus, json, help: isHelp }
  } catch (cause) {
    const text = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new GuardianError('bad-request', `guardian doctor: ${text}; see guardian doctor --help`)
  }
}
