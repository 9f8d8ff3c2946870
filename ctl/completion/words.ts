import * as rollout from '../rollout/table.ts'
import { type CommandRow, commands, globalOptions, groups, type OptionRow, type WordKind } from '../table.ts'

/** The words after `guardian`, with the words that may follow where they are fixed. */
export const subcommands: Readonly<Record<string, readonly string[]>> = {
  agent: ['--help'],
  coordinator: ['takeover', 'backup', '--help'],
  ctl: [],
  wait: ['--help'],
  gate: ['up', 'down', '--config', '--help'],
  install: [
    'agent',
    'coordinator',
    '--dependent',
    '--target',
    '--rebuild',
    '--gate',
    '--dry-run',
    '--prefix',
    '--help',
  ],
  uninstall: ['agent', 'coordinator', '--purge', '--keep-state', '--dry-run', '--prefix', '--help'],
  doctor: ['--config', '--bus', '--json', '--help'],
  rebuild: ['prefetch', 'activate', 'commit', 'revert', 'resume', 'forget', '--config', '--help'],
  keygen: ['--host', '--help'],
  config: ['check'],
  completion: ['bash', 'zsh', 'fish'],
}

export interface OptionWords {
  readonly names: readonly string[]
  readonly text: string
  /** null where no value follows. */
  readonly value: WordKind | null
}

export interface CommandWords {
  /** `drain`, or `rollout/plan` for a command behind a word of its own. */
  readonly path: string
  readonly name: string
  readonly summary: string
  /** What the words after it name; empty where none follow. */
  readonly kinds: readonly WordKind[]
  readonly options: readonly OptionWords[]
}

/** The table of commands as a shell sees it. */
export const commandWords: readonly CommandWords[] = [
  ...commands.map((row) => commandOf(row, '')),
  ...rollout.commands.map((row) => commandOf(row, 'rollout/')),
]

/** What may follow `guardian ctl`, and what may follow the word of a group, by that word. */
export const firstWords: Readonly<Record<string, readonly Pick<CommandWords, 'name' | 'summary'>[]>> = {
  '': [...commands, ...groups],
  ...Object.fromEntries(
    groups.map(({ name }) => [name, commandWords.filter(({ path }) => path.startsWith(`${name}/`))]),
  ),
}

export const globalWords: readonly OptionWords[] = [
  ...globalOptions.map(wordsOf),
  { names: ['-h', '--help'], text: 'show help', value: null },
]

function commandOf({ name, summary, words, options }: CommandRow, before: string): CommandWords {
  return {
    path: `${before}${name}`,
    name,
    summary,
    kinds: words.map(({ kind }) => kind),
    options: options.map(wordsOf),
  }
}

function wordsOf({ flags, text, kind }: OptionRow): OptionWords {
  const names = flags.split(/[ ,]+/).filter((word) => word.startsWith('-'))
  return { names, text, value: flags.includes('<') ? (kind ?? 'none') : null }
}

/**
 * For a loop over the words so far, which keeps a path and asks for `path/word`: `/drain`, or `/rollout` and
 * then `rollout/plan`. A case of sh.
 */
export function pathPattern(): string {
  const paths = commandWords.map(({ path }) => (path.includes('/') ? path : `/${path}`))
  return [...paths, ...groups.map(({ name }) => `/${name}`)].join('|')
}

/** Every option that takes a value, by what it takes. */
export function optionsTaking(kind: WordKind): readonly string[] {
  const all = [...globalWords, ...commandWords.flatMap(({ options }) => options)]
  return [...new Set(all.filter(({ value }) => value === kind).flatMap(({ names }) => names))]
}

export const askedKinds: readonly WordKind[] = ['host', 'target', 'selector', 'hold', 'rollout', 'policy']
