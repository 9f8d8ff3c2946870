export type Role = 'agent' | 'coordinator'

/** A file as the machine it is installed on sees it. */
export interface PlannedFile {
  readonly path: string
  readonly text: string
  /** Where the package of a distribution keeps the same text; it is not written twice. */
  readonly vendor?: { readonly path: string; readonly text: string }
  /** Belongs to a person from then on: never written over, and kept by an uninstall. */
  readonly once?: true
}

/** `unit` is started along with `by`. */
export interface PlannedWant {
  readonly by: string
  readonly unit: string
}

/** What an installation puts on a machine. */
export interface Plan {
  readonly files: readonly PlannedFile[]
  readonly wants: readonly PlannedWant[]
  /** What an earlier installation put there, and this one has no more. */
  readonly stale: readonly string[]
}

export const configDir = '/etc/guardian'
export const unitDir = '/etc/systemd/system'
export const vendorUnitDir = '/usr/lib/systemd/system'

/** First line of each file that an installation has written. */
export function ownLine(role: Role): string {
  return `Written by "guardian install ${role}", ${removedLine(role)}`
}

/** How the first line ends of each file that an uninstall removes, also of those that a doctor prints. */
export function removedLine(role: Role): string {
  return `removed by "guardian uninstall ${role}".`
}

export function unitFile(role: Role, name: string, text: string): PlannedFile {
  return {
    path: `${unitDir}/${name}`,
    text: `# ${ownLine(role)}\n${text}`,
    vendor: { path: `${vendorUnitDir}/${name}`, text },
  }
}

/** A file that adds to a unit of somebody else, or of an instance. */
export function dropIn(role: Role, unit: string, text: string): PlannedFile {
  return { path: `${unitDir}/${unit}.d/io-guardian.conf`, text: `# ${ownLine(role)}\n${text}` }
}

/** For a directory of the system's that its own packages also put files into, such as `sysusers.d`. */
export function systemFile(role: Role, kind: 'sysusers.d' | 'tmpfiles.d', text: string): PlannedFile {
  const name = role === 'agent' ? 'io-guardian.conf' : 'io-guardian-coordinator.conf'
  return {
    path: `/etc/${kind}/${name}`,
    text: `# ${ownLine(role)}\n${text}`,
    vendor: { path: `/usr/lib/${kind}/${name}`, text },
  }
}

/** What both roles' units differ in from those that ship. */
export interface Fit {
  /** What stands after `ExecStart=`. */
  readonly program: string
  /** Whether the program can tell systemd that it is ready. */
  readonly notifies: boolean
  /** Whether the key comes as a credential; otherwise the configuration names a file, or certificates. */
  readonly credential: boolean
}
