import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import * as v from 'valibot'
import { quietLog } from '../quiet-log.ts'

// `DIR TARGET FROM TO`: into each of DIR/1, DIR/2, … saves FROM, and then TO up to its n-th call that touches the disk,
// which never returns, as if the power had gone; ends after the first n with which all of TO was saved.
const [, , dir = '', target = '', from = '', to = ''] = process.argv
const anything = v.pipe(v.string(), v.parseJson(), v.looseObject({ marker: v.any(), opening: v.any() }))
let left = Number.POSITIVE_INFINITY

function counted<Args extends readonly unknown[], Result>(work: (...args: Args) => Promise<Result>) {
  return async (...args: Args): Promise<Result> => {
    left -= 1
    return left < 0 ? await new Promise<Result>(() => {}) : await work(...args)
  }
}

Object.assign(fs, {
  open: counted(fs.open),
  rename: counted(fs.rename),
  unlink: counted(fs.unlink),
  rm: counted(fs.rm),
})
syncBuiltinESMExports()
const { openMarkerStore } = await import('../../../agent/adapters/marker-store.ts')
await fs.mkdir(dir)
for (let calls = 0, isDone = false; !isDone; calls += 1) {
  const store = await openMarkerStore(join(dir, `${calls}`), quietLog())
  await store.save({ seen: null, record: { target, record: v.parse(anything, from) } })
  left = calls
  store.save({ seen: null, record: { target, record: v.parse(anything, to) } }).then(() => {
    isDone = true
  })
  while (!isDone && left >= 0) await turn()
  left = Number.POSITIVE_INFINITY
}
