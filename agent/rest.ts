import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Gives memory back once nothing has happened for a while: a process that rests never collects by itself. */
export interface Rest extends Disposable {
  /** Something has happened that leaves garbage behind. */
  stir(): void
}

// Before each collection. Three in a row let go of old code; the young generation shrinks only in one that finds the
// last 5 s to have been quiet.
const pausesMs = [2_000, 250, 250, 6_000, 6_000]
// Code that has not run for so many collections is let go by the next; it is compiled again when it is needed.
const oldAge = 2

export function createRest(collect: () => void = exposeCollector()): Rest {
  let timer: NodeJS.Timeout | undefined
  function stir(): void {
    clearTimeout(timer)
    wait(pausesMs)
  }
  function wait([pauseMs, ...later]: readonly number[]): void {
    if (pauseMs === undefined) return
    timer = setTimeout(() => {
      collect()
      wait(later)
    }, pauseMs).unref()
  }
  stir()
  return { stir, [Symbol.dispose]: () => clearTimeout(timer) }
}

function exposeCollector(): () => void {
  setFlagsFromString('--expose-gc')
  setFlagsFromString(`--bytecode-old-age=${oldAge}`)
  // What is left of old code and objects moves together, so that the pages between are given back.
  setFlagsFromString('--flush-baseline-code')
  setFlagsFromString('--compact-on-every-full-gc')
  const collect: unknown = runInNewContext('gc')
  return typeof collect === 'function' ? () => void collect() : () => {}
}
