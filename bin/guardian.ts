#!/usr/bin/env node
import { build } from '../daemon/build.ts'
import { errors, GuardianError } from '../protocol/errors.ts'

type Main = (argv: readonly string[]) => Promise<void>

interface Subcommand {
  readonly usage: string
  readonly about: string
  load(): Promise<{ readonly main: Main }>
}

// Only what was asked for is loaded: an agent shall not carry the coordinator's memory.
const subcommands: Readonly<Record<string, Subcommand>> = {
  agent: {
    usage: 'agent',
    about: 'keeps the targets of this host drained or open, as the coordinator says',
    load: () => import('../agent/main.ts'),
  },
  coordinator: {
    usage: 'coordinator [takeover|backup]',
    about: 'keeps the whole fleet as its holds want it',
    load: () => import('../coordinator/main.ts'),
  },
  ctl: {
    usage: 'ctl COMMAND',
    about: 'shows the fleet, drains and undrains it, by hand',
    load: () => import('../ctl/main.ts'),
  },
  wait: {
    usage: 'wait',
    about: 'ends when a target of this host may open; run by its wait unit',
    load: () => import('../agent/wait.ts'),
  },
  gate: {
    usage: 'gate up|down RESOURCE',
    about: 'tells that a resource is up, or drains what needs it; run by its gate unit',
    load: () => import('../gate/main.ts'),
  },
  install: {
    usage: 'install agent|coordinator',
    about: 'sets this machine up: units, users, rights, directories',
    load: () => import('../install/install.ts'),
  },
  uninstall: {
    usage: 'uninstall agent|coordinator',
    about: 'takes away what install has put here',
    load: () => import('../install/uninstall.ts'),
  },
  doctor: {
    usage: 'doctor',
    about: 'says what is wrong on this host, and what mends it',
    load: () => import('../doctor/main.ts'),
  },
  rebuild: {
    usage: 'rebuild ACTION JOB',
    about: 'rebuilds this host as its agent is ordered; run by its units as root',
    load: () => import('../rebuild/main.ts'),
  },
  keygen: {
    usage: 'keygen [--host NAME]',
    about: 'makes a key, or derives the key of one host',
    load: () => import('./keygen.ts'),
  },
  config: {
    usage: 'config check FILE',
    about: 'says whether a configuration file is right, and what is wrong',
    load: () => import('./config-check.ts'),
  },
  completion: {
    usage: 'completion bash|zsh|fish',
    about: 'prints what a shell needs to complete guardian’s words',
    load: () => import('../ctl/completion.ts'),
  },
}

function help(): string {
  const rows = Object.values(subcommands)
  const width = Math.max(...rows.map(({ usage }) => usage.length))
  return [
    'Keeps the services of many servers in step with the databases that they depend on.',
    '',
    'Usage: guardian COMMAND [ARGUMENT…]',
    '',
    ...rows.map(({ usage, about }) => `  ${usage.padEnd(width)}  ${about}`),
    '',
    'guardian COMMAND --help says more about a command; guardian --version names the build.',
    '',
  ].join('\n')
}

async function run([name, ...argv]: readonly string[]): Promise<void> {
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${build}\n`)
    return
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const stream = name === undefined ? process.stderr : process.stdout
    stream.write(help())
    process.exitCode = name === undefined ? errors['bad-request'].exit : 0
    return
  }
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
  if (subcommand === undefined) {
    const known = Object.keys(subcommands).join(', ')
    throw new GuardianError('bad-request', `there is no command ${JSON.stringify(name)}: use one of ${known}`)
  }
  const { main } = await subcommand.load()
  await main(argv)
}

/** By its name, because each bundle of a subcommand has a GuardianError class of its own. */
function exitOf(cause: unknown): number | null {
  if (!(cause instanceof Error) || cause.name !== 'GuardianError' || !('code' in cause)) return null
  const { code } = cause
  return Object.entries(errors).find(([name]) => name === code)?.[1].exit ?? null
}

function tell(cause: unknown): void {
  const exit = exitOf(cause)
  const text = cause instanceof Error ? cause.message : String(cause)
  const detail = cause instanceof Error ? (cause.stack ?? text) : text
  process.stderr.write(exit === null ? `guardian: internal error\n${detail}\n` : `guardian: ${text}\n`)
  process.exitCode = exit ?? errors.internal.exit
}

run(process.argv.slice(2)).catch(tell)
