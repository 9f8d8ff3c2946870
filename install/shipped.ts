import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Reads the files of `units/`, which lies beside the source as well as beside the bundles. */
export function openShipped(): (name: string) => string {
  const places = ['../units', '../../units'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  const folder = places.find((path) => existsSync(path))
  if (folder === undefined) throw new Error(`units that ship are in none of ${places.join(', ')}`)
  const texts = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
  return (name) => {
    const text = texts.get(name)
    if (text === undefined) throw new Error(`${folder} has no ${name}`)
    return text
  }
}
