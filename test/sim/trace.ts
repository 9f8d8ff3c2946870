/** A promise that did not hold, or a core that threw what it must not. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly promise: string

  constructor(promise: string, text: string) {
    super(`${promise}: ${text}`)
    this.promise = promise
  }
}

interface Line {
  readonly atMs: number
  readonly who: string
  readonly what: string
  readonly about: unknown
}

/** The last events of a run. Nothing is put into words before somebody reads it, because most seeds are never read. */
export class Trace {
  #lines: Line[] = []
  #next = 0
  readonly #size: number
  readonly #tell: ((line: string) => void) | null

  constructor(size: number, tell: ((line: string) => void) | null) {
    this.#size = size
    this.#tell = tell
  }

  add(atMs: number, who: string, what: string, about: unknown = null): void {
    const line = { atMs, who, what, about }
    if (this.#tell !== null) this.#tell(inWords(line))
    this.#lines[this.#next % this.#size] = line
    this.#next += 1
  }

  read(): string[] {
    const start = this.#next % this.#size
    const lines = this.#next > this.#size ? [...this.#lines.slice(start), ...this.#lines.slice(0, start)] : this.#lines
    return lines.map(inWords)
  }
}

function inWords(line: Line): string {
  const about = line.about === null ? '' : typeof line.about === 'string' ? ` ${line.about}` : ` ${shown(line.about)}`
  return `${(line.atMs / 1000).toFixed(3).padStart(9)}s  ${line.who.padEnd(8)} ${line.what}${about}`
}

function shown(about: unknown): string {
  return JSON.stringify(about, (_key, value: unknown) => {
    if (value instanceof Set) return [...value]
    if (value instanceof Map) return Object.fromEntries(value)
    return value
  }).replaceAll(/0{20,}/g, '…')
}
