import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { type Outcome, run } from '../hosts/manager.ts'
import { evaluate } from './nix.ts'

const names = v.array(v.string())
const host = v.object({
  assertions: names,
  warnings: names,
  packaged: v.record(v.string(), v.string()),
  units: v.record(v.string(), v.object({ text: v.string(), overrideStrategy: v.string(), wantedBy: names })),
  agent: v.nullable(v.record(v.string(), v.unknown())),
  coordinator: v.nullable(v.record(v.string(), v.unknown())),
  rebuild: v.nullable(v.record(v.string(), v.unknown())),
  preStart: v.string(),
  polkit: v.boolean(),
  rules: v.string(),
  firewall: v.object({ everywhere: v.array(v.number()), interfaces: v.record(v.string(), v.array(v.number())) }),
  scrapes: v.array(v.object({ job_name: v.string(), urls: names, targets: names })),
  roles: names,
})
/** What the modules make of a host. */
export type Rendered = v.InferOutput<typeof host>

export async function renderHosts(): Promise<ReadonlyMap<string, Rendered>> {
  return new Map(Object.entries(v.parse(v.record(v.string(), host), await evaluate(file, 'hosts'))))
}

/** One of them, in less time. */
export async function renderHost(name: string): Promise<Rendered> {
  return v.parse(host, await evaluate(file, `hosts.${name}`))
}

const file = join(import.meta.dirname, 'evaluate.nix')

/** Writes the units as NixOS lays them out; what comes from a package is completed by drop-ins. */
export async function layOut(
  { packaged, units }: Pick<Rendered, 'packaged' | 'units'>,
  directory: string,
  here = absent,
): Promise<void> {
  for (const [name, text] of Object.entries(packaged)) await writeFile(join(directory, name), rehomed(text, here))
  for (const [name, { text, overrideStrategy, wantedBy }] of Object.entries(units)) {
    const isDropIn = name in packaged || overrideStrategy === 'asDropin'
    const file = isDropIn ? join(`${name}.d`, 'overrides.conf') : name
    if (isDropIn) await mkdir(join(directory, `${name}.d`))
    await writeFile(join(directory, file), rehomed(text, here))
    for (const wants of wantedBy) {
      await mkdir(join(directory, `${wants}.wants`), { recursive: true })
      await symlink(join('..', name), join(directory, `${wants}.wants`, name))
    }
  }
}

// Nothing was built, so no program is where the units say.
const absent = (_path: string): string => '/bin/true'

/** The text with what is in the store where `here` says that it is. */
export function rehomed(text: string, here: (path: string) => string): string {
  return text.replaceAll(/\/nix\/store\/[^\s"']+/g, here)
}

const { PATH = '' } = process.env

/** `systemd-analyze` over laid out units, and the machine's own where they name those. */
export function analyze(directory: string, ...args: readonly string[]): Promise<Outcome> {
  const environment = { PATH, SYSTEMD_UNIT_PATH: `${directory}:`, SYSTEMD_EMOJI: '0', LANG: 'C.UTF-8' }
  return run('systemd-analyze', args, environment)
}

/** Values of a setting in a unit's text, words of several lines together. */
export function wordsOf(text: string | undefined, setting: string): readonly string[] {
  const lines = [...(text ?? '').matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))]
  return lines.flatMap(([, value = '']) => value.split(' ').filter((word) => word !== ''))
}
