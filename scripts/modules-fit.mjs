// Ends with 1, and says why, where node_modules is not what package-lock.json wants. Plain JavaScript: it runs before anything is installed.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).packages
const wanted = read('../package-lock.json')
const found = read('../node_modules/.package-lock.json')

const wrong = Object.entries(wanted)
  .filter(([path, { version, optional }]) => path !== '' && !optional && found[path]?.version !== version)
  .map(([path]) => path)

const natives = {
  'better-sqlite3': (Database) => new Database(':memory:').close(),
  'sd-notify': () => {},
  'systemd-journald': () => {},
}
for (const [name, use] of Object.entries(natives)) {
  try {
    use(require(name))
  } catch (cause) {
    wrong.push(`${name} (${String(cause.message).split('\n')[0]})`)
  }
}

if (wrong.length > 0) {
  console.error(
    `setup: npm packages to install: ${wrong.slice(0, 5).join(', ')}${wrong.length > 5 ? ` and ${wrong.length - 5} more` : ''}`,
  )
  process.exitCode = 1
}
