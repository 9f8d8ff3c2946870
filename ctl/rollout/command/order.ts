import * as v from 'valibot'
import { GuardianError } from '../../../protocol/errors.ts'
import { selectorText } from '../../../protocol/hold.ts'
import { hostName, message } from '../../../protocol/names.ts'
import type { RolloutOrder, RolloutStateName, RolloutStatus } from '../../../protocol/rollout/api.ts'
import type { Context, Run } from '../../context.ts'
import { operatorName } from '../../operator.ts'
import { decodeOptions } from '../../settings.ts'
import { chosenId, idAndHost, underWay, type Wanted } from '../chosen.ts'
import { rolloutClient } from '../client.ts'
import { openFeed } from '../feed.ts'
import { watchRollout } from '../follow.ts'
import { orderedLines } from '../render/ordered.ts'

const orderOptions = v.object({
  message: v.optional(message, ''),
  full: v.optional(v.boolean(), false),
  now: v.optional(v.boolean(), false),
  on: v.optional(selectorText, '*'),
  pastIrreversible: v.optional(v.boolean(), false),
  hook: v.optional(hostName),
  watch: v.optional(v.boolean(), false),
})

/** The word of an order with all that may go with it, as it stood on the command line. */
interface Said extends v.InferOutput<typeof orderOptions> {
  readonly operator: string
  readonly host: string | undefined
}

interface OrderVerb {
  readonly wanted: Wanted
  /** Of one host, named behind the rollout or alone. */
  readonly ofHost?: true
  /** What the rollout comes to where the order is carried out, if that is an end. */
  readonly leadsTo?: RolloutStateName
  readonly order: (said: Said) => RolloutOrder
}

const alive: Wanted = { states: underWay, what: 'under way' }
const ended: readonly RolloutStateName[] = ['succeeded', 'failed', 'aborted', 'rolled-back', 'rollback-failed']
const begun: Wanted = { states: [...underWay, ...ended], what: 'begun' }

const verbs: Readonly<Record<RolloutOrder['verb'], OrderVerb>> = {
  discard: {
    wanted: { states: ['planning', 'planned'], what: 'planned' },
    order: (said) => ({ verb: 'discard', ...wordOf(said) }),
  },
  promote: { wanted: alive, order: (said) => ({ verb: 'promote', full: said.full, ...wordOf(said) }) },
  pause: { wanted: alive, order: (said) => ({ verb: 'pause', ...wordOf(said) }) },
  resume: { wanted: alive, order: (said) => ({ verb: 'resume', ...wordOf(said) }) },
  abort: { wanted: alive, leadsTo: 'aborted', order: (said) => ({ verb: 'abort', now: said.now, ...wordOf(said) }) },
  rollback: {
    wanted: begun,
    leadsTo: 'rolled-back',
    order: (said) => ({
      verb: 'rollback',
      selector: said.on,
      pastIrreversible: said.pastIrreversible,
      ...wordOf(said),
    }),
  },
  retry: {
    wanted: { states: [...underWay, 'planned', 'failed', 'rollback-failed'], what: 'under way' },
    ofHost: true,
    order: (said) => ({
      verb: 'retry',
      ...(said.host !== undefined && { host: said.host }),
      ...(said.hook !== undefined && { hook: said.hook }),
      ...wordOf(said),
    }),
  },
  skip: {
    wanted: { states: [...underWay, 'planned'], what: 'under way' },
    ofHost: true,
    order: (said) => ({ verb: 'skip', ...withReason(said, 'is left out') }),
  },
  release: {
    wanted: begun,
    ofHost: true,
    order: (said) => ({ verb: 'release', ...withReason(said, 'will not come back') }),
  },
}

function wordOf({ operator, message }: Said) {
  return { operator, message }
}

/** What cannot be taken back is not done without a word for whoever asks later. */
function withReason({ host, ...said }: Said, what: string) {
  if (host === undefined) throw new GuardianError('bad-request', 'name the host')
  if (said.message === '') throw new GuardianError('bad-request', `say why ${host} ${what}: -m REASON`)
  return { host, operator: said.operator, message: said.message }
}

/** The command that gives one order. */
export function orderRun(verb: RolloutOrder['verb']): Run {
  const { wanted, ofHost, leadsTo, order } = verbs[verb]
  return async (context, words, from) => {
    const options = decodeOptions(orderOptions, from)
    const { id: word, host } = ofHost === undefined ? { id: words[0], host: undefined } : idAndHost(words)
    const said = order({ ...options, host, operator: operatorName(context.world.env) })
    const client = await rolloutClient(context)
    const id = await chosenId(context, client, word, wanted)
    const feed = openFeed(client, id)
    if (options.watch && !context.settings.json) await feed.next()
    const status = await client.order(id, said)
    if (!options.watch) return tell(context, said, status)
    return watchRollout(context, client, { id, feed, ...(leadsTo !== undefined && { leadsTo }) })
  }
}

function tell(context: Context, order: RolloutOrder, status: RolloutStatus): number {
  if (context.settings.json) context.printJson(status)
  else context.print(orderedLines(context.style, order, status))
  return 0
}
