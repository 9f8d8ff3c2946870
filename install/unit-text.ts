import type { Fit } from './plan.ts'

/** A target of agent.json as systemd knows it. */
export interface TargetUnits {
  /** `storage` */
  readonly name: string
  /** `io-storage.target` */
  readonly unit: string
}

/** The unit that asks before the target opens: `wait-for-io-storage.service`. */
export function waitUnitOf({ unit }: Pick<TargetUnits, 'unit'>): string {
  return `wait-for-${unit.replace(/\.target$/, '')}.service`
}

/** Text that ships for `io-databases`, for another target. */
export function forTarget(text: string, target: TargetUnits): string {
  const wait = waitUnitOf(target).replace(/\.service$/, '')
  return text.replaceAll(/(wait-for-)?io-databases(\.target)?/g, (_, asks?: string, suffix?: string) => {
    if (asks !== undefined) return wait
    return suffix === undefined ? target.name : target.unit
  })
}

/** A path as a unit's command has it. */
export function quoted(path: string): string {
  const text = path.replaceAll('%', '%%')
  return /[\s'"\\]/.test(text) ? `"${text.replaceAll(/[\\"]/g, '\\$&')}"` : text
}

/** What every unit that ships calls the program. */
export const shippedProgram = '/usr/bin/guardian'

/** A unit that ships, as this machine needs it. */
export function fitted(text: string, { program, notifies, credential }: Fit): string {
  const called = text.replaceAll(`=${shippedProgram} `, () => `=${program} `)
  const told = notifies ? called : withoutNotify(called)
  return credential ? told : told.replaceAll(/^.*psk.*\n/gm, '')
}

function withoutNotify(text: string): string {
  return text.replace(/^Type=notify$/m, 'Type=exec').replace(/^WatchdogSec=.*\n/m, '')
}
