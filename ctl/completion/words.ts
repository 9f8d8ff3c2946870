import { commands, globalOptions, type OptionRow, type WordKind } from '../table.ts'

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
  readonly name: string
  readonly summary: string
  readonly argument: WordKind
  readonly options: readonly OptionWords[]
}

/** The table of commands as a shell sees it. */
export const commandWords: readonly CommandWords[] = commands.map(({ name, summary, kind, options }) => ({
  name,
  summary,
  argument: kind,
  options: options.map(wordsOf),
}))

export const globalWords: readonly OptionWords[] = [
  ...globalOptions.map(wordsOf),
  { names: ['-h', '--help'], text: 'show help', value: null },
]

function wordsOf({ flags, text, kind }: OptionRow): OptionWords {
  const names = flags.split(/[ ,]+/).filter((word) => word.startsWith('-'))
  return { names, text, value: flags.includes('<') ? (kind ?? 'none') : null }
}

/** Every option that takes a value, by what it takes. */
export function optionsTaking(kind: WordKind): readonly string[] {
  const all = [...globalWords, ...commandWords.flatMap(({ options }) => options)]
  return [...new Set(all.filter(({ value }) => value === kind).flatMap(({ names }) => names))]
}

export const askedKinds: readonly WordKind[] = ['host', 'target', 'selector', 'hold']
