/** One thing that is wrong on a host, and the way out. */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'hint'
  /** The rule that found it: the same word in every version, for scripts. */
  readonly rule: string
  /** In words: the unit, file or host, and what is wrong with it. */
  readonly found: string
  /** What it should be, and why. */
  readonly wanted: string
  /** A file that mends it, to be there before the commands are run. */
  readonly write: TextFile | null
  /** Commands, and words where no command can. */
  readonly run: readonly string[]
}

export interface TextFile {
  readonly path: string
  readonly lines: readonly string[]
}

export interface Mending {
  readonly found: string
  readonly wanted: string
  readonly write?: TextFile
  readonly run: readonly string[]
}

export function error(rule: string, { found, wanted, write, run }: Mending): Finding {
  return { severity: 'error', rule, found, wanted, write: write ?? null, run }
}

export function warning(rule: string, mending: Mending): Finding {
  return { ...error(rule, mending), severity: 'warning' }
}

export function hint(rule: string, mending: Mending): Finding {
  return { ...error(rule, mending), severity: 'hint' }
}

/** How units are spoken of on one host: `systemctl`, or `systemctl --user` where the manager is a user's. */
export interface Place {
  /** Where an administrator's units and drop-ins go. */
  readonly unitDir: string
}

/** Whether the manager is a user's. */
export function isOfUser({ unitDir }: Place): boolean {
  return unitDir.endsWith('/user')
}

export function systemctl(place: Place, words: string): string {
  return isOfUser(place) ? `systemctl --user ${words}` : `systemctl ${words}`
}

/** The last lines that a unit wrote. */
export function journal(place: Place, unit: string): string {
  return `journalctl${isOfUser(place) ? ' --user' : ''} -u ${unit} -n 50`
}

/** A drop-in of one unit, which goes with guardian; each rule has a name of its own, so that none hides another's. */
export function dropIn({ unitDir }: Place, unit: string, name: string, lines: readonly string[]): TextFile {
  const role = unit.startsWith('io-guardian-') ? 'coordinator' : 'agent'
  const head = `# As "guardian doctor" has it, removed by "guardian uninstall ${role}".`
  return { path: `${unitDir}/${unit}.d/${name}.conf`, lines: [head, ...lines] }
}

/** Names in words, of many the first few. */
export function listed(names: readonly string[], max = 5): string {
  const shown = names.length > max + 1 ? [...names.slice(0, max), `${names.length - max} more`] : names
  const [last = '', ...rest] = [...shown].reverse()
  return rest.length === 0 ? last : `${rest.reverse().join(', ')} and ${last}`
}
