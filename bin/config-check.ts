import { loadAgentConfig } from '../agent/config.ts'
import { loadCoordinatorConfig } from '../coordinator/config.ts'
import { readTokens } from '../coordinator/http/tokens.ts'
import { kindOfConfig } from '../doctor/config-kind.ts'
import { GuardianError } from '../protocol/errors.ts'

const help = `Says whether a configuration file is right; otherwise what is wrong, where in it, and what is allowed.

Usage: guardian config check FILE

Whether FILE is an agent's (agent.json) or a coordinator's (coordinator.json) is seen by its settings.
Exit: 0 the file is right · 2 it is not
`

/** `guardian config`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help)
    return
  }
  const [verb, file, ...rest] = argv
  if (verb !== 'check' || file === undefined || rest.length > 0) {
    throw new GuardianError('bad-request', 'config: say "guardian config check FILE"; see guardian config --help')
  }
  process.stdout.write(`${file}: ${await check(file)}\n`)
}

async function check(file: string): Promise<string> {
  if ((await kindOfConfig(file)) === 'coordinator') {
    const config = await loadCoordinatorConfig(file)
    await readTokens(config)
    const { dials, plan } = config
    return `right, for a coordinator of ${count(dials.size, 'host')}, ${count(plan.targets.size, 'target')} and ${count(plan.resources.size, 'resource')}`
  }
  const { policy, targets, resources } = await loadAgentConfig(file)
  return `right, for the agent of ${policy.host} with ${count(targets.length, 'target')} and ${count(resources.size, 'resource')}`
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}
