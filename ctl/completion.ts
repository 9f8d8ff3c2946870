import { GuardianError } from '../protocol/errors.ts'
import { bashScript } from './completion/bash.ts'
import { fishScript } from './completion/fish.ts'
import { zshScript } from './completion/zsh.ts'

const scripts: Readonly<Record<string, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript }

const help = `Usage: guardian completion bash|zsh|fish

Prints what the shell needs to complete guardian's words. Names of hosts,
targets and holds come from the running coordinator, where one answers.

Examples:
  source <(guardian completion bash)                       now, in this shell
  guardian completion bash > /etc/bash_completion.d/guardian
  guardian completion zsh > "\${fpath[1]}/_guardian"
  guardian completion fish > ~/.config/fish/completions/guardian.fish
`

/** `guardian completion …`; `argv` is what follows `completion`. */
export async function main([shell, ...rest]: readonly string[]): Promise<void> {
  if (shell === '--help' || shell === '-h') {
    process.stdout.write(help)
    return
  }
  const script = shell === undefined || rest.length > 0 || !Object.hasOwn(scripts, shell) ? undefined : scripts[shell]
  if (script === undefined)
    throw new GuardianError('bad-request', 'guardian completion: use bash, zsh or fish; see --help')
  process.stdout.write(script())
}
