import { readFileSync } from 'node:fs'
import * as v from 'valibot'

declare const GUARDIAN_BUILD: string | undefined

function fromPackage(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { name, version } = v.parse(v.object({ name: v.string(), version: v.string() }), JSON.parse(text))
  return `${name} ${version}`
}

/** Name and version, set by the bundler; read from package.json where the source runs. */
export const build: string = typeof GUARDIAN_BUILD === 'string' ? GUARDIAN_BUILD : fromPackage()
