import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Gives memory back once nothing has happened for a while: a process that rests never collects by itself. */
export interface Rest extends Disposable {
  /** Something has happened that leaves garbage behind. */
  stir(): void
}

const quietMs = 2_000
// Code that has not run for so many collections is let go; it is compiled again when it is needed.
const rounds = 3
const betweenMs = 250

export function createRest(collect: () => void = exposeCollector()): Rest {
  let timer: NodeJS.Timeout | undefined
  function stir(): void {
    clearTimeout(timer)
    timer = setTimeout(settle, quietMs, rounds).unref()
  }
  function settle(left: number): void {
    collect()
    if (left > 1) timer = setTimeout(settle, betweenMs, left - 1).unref()
  }
  stir()
  return { stir, [Symbol.dispose]: () => clearTimeout(timer) }
}

function exposeCollector(): () => void {
  setFlagsFromString('--expose-gc')
  setFlagsFromString(`--bytecode-old-age=${rounds - 1}`)
  const collect: unknown = runInNewContext('gc')
  return typeof collect === 'function' ? () => void collect() : () => {}
}
