import { join } from 'node:path'
import t, { type Test } from 'tap'
import * as v from 'valibot'
import { evaluate, noEvaluation } from './nix.ts'

const complaints = v.object({ assertions: v.array(v.string()), warnings: v.array(v.string()) })
const cases = v.record(
  v.string(),
  v.object({
    said: complaints,
    says: v.object({ assertion: v.optional(v.string()), warning: v.optional(v.string()) }),
  }),
)

t.setTimeout(900_000)

t.test(
  'each mistake is refused or warned of, with the full path of the option and a way out',
  {
    skip: noEvaluation,
  },
  async (t) => {
    const file = join(import.meta.dirname, 'evaluate.nix')
    for (const [name, { said, says }] of Object.entries(v.parse(cases, await evaluate(file, 'refused')))) {
      t.test(name, async (t) => {
        check(t, said.assertions, says.assertion)
        check(t, said.warnings, says.warning)
      })
    }
  },
)

function check(t: Test, said: readonly string[], start: string | undefined): void {
  if (start === undefined) {
    t.strictSame(said, [])
    return
  }
  t.equal(said.length, 1, said.join('\n'))
  t.equal(said[0]?.slice(0, start.length), start)
  t.match(said[0], /^services\.guardian\.\S+ .+[:.] .+\.$/)
}
