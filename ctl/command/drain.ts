import * as v from 'valibot'
import { randomId } from '../../daemon/clock.ts'
import { exitOf } from '../../daemon/outcome.ts'
import { type DrainAnswer, type DrainRequest, drainAnswer } from '../../protocol/api.ts'
import { selectorText } from '../../protocol/hold.ts'
import { message, targetName } from '../../protocol/names.ts'
import { commandLine } from '../command-line.ts'
import type { Context, Run } from '../context.ts'
import { followProgress, postPatiently } from '../follow.ts'
import { operatorName } from '../operator.ts'
import { planLines } from '../render/plan.ts'
import { counted, wrapped } from '../render/style.ts'
import { summaryLines } from '../render/summary.ts'
import { decodeOptions, timeSpan } from '../settings.ts'
import { completed, openWatch } from '../watch.ts'
import { endWith } from './ending.ts'

const drainOptions = v.object({
  host: v.optional(selectorText),
  message: v.optional(message, ''),
  for: v.optional(timeSpan),
  wait: v.optional(v.boolean(), true),
  dryRun: v.optional(v.boolean(), false),
  trustV1: v.optional(v.boolean(), false),
  yes: v.optional(v.boolean(), false),
})
type DrainOptions = v.InferOutput<typeof drainOptions>

// The fleet's own deadlines end it sooner; this is for a coordinator that tells no end.
const defaultTimeoutMs = 30 * 60_000

export const run: Run = async (context, [word], from) => {
  const options = decodeOptions(drainOptions, from)
  const target =
    word === undefined ? undefined : decodeOptions(v.object({ target: targetName }), { target: word }).target
  if (context.settings.direct !== null) {
    const { drainDirectly } = await import('../direct/drain.ts')
    return drainDirectly(context, { target, ...options })
  }
  const client = await context.client()
  const request: DrainRequest = {
    ...(target !== undefined && { target }),
    selector: options.host ?? '*',
    operator: operatorName(context.world.env),
    message: options.message,
    ...(options.for !== undefined && { forMs: options.for }),
    dryRun: options.dryRun,
    id: randomId(),
  }
  const post = (body: DrainRequest): Promise<DrainAnswer> =>
    postPatiently(() => client.post('/v1/drain', body, drainAnswer, { signal: context.signal }), {
      patienceMs: context.world.patienceMs,
      signal: context.signal,
      mayRepeat: true,
    })
  if (options.dryRun) return showPlan(context, await post(request))
  if (!(await confirmed(context, options, () => post({ ...request, dryRun: true })))) return 2
  return watchDrain(context, await post(request), { ...options, target })
}

function showPlan(context: Context, answer: DrainAnswer): number {
  if (context.settings.json) context.printJson(answer)
  else context.print(planLines(context.style, answer))
  return 0
}

/** The whole fleet by a forgotten --host is worth one question, where somebody is there to answer it. */
async function confirmed(context: Context, options: DrainOptions, plan: () => Promise<DrainAnswer>): Promise<boolean> {
  if (options.host !== undefined || options.yes || context.settings.json || !context.world.canAsk) return true
  const { hosts } = await plan()
  const question = `Drain the whole fleet, ${counted(hosts.length, 'host')}? [y/N] `
  const answer = await context.world.ask(question, context.signal)
  if (/^y(es)?$/i.test(answer.trim())) return true
  context.print(['nothing was ordered; choose hosts with --host'])
  return false
}

async function watchDrain(
  context: Context,
  answer: DrainAnswer,
  options: DrainOptions & { readonly target: string | undefined },
): Promise<number> {
  if (!options.wait) return orderedOnly(context, answer)
  using watch = openWatch(context, 'drained')
  const { ending, last } = await followProgress({
    client: await context.client(),
    query: { want: 'drained', hold: answer.hold },
    keep: () => true,
    timeoutMs: context.settings.timeoutMs ?? defaultTimeoutMs,
    patienceMs: context.world.patienceMs,
    signal: context.signal,
    told: ({ hosts }) => watch.show(hosts),
  })
  watch.finish()
  const hosts = completed(last, answer.hosts, options.target)
  const facts = { hosts, trustV1: options.trustV1, persisted: answer.persisted, superseded: last?.superseded ?? false }
  return endWith(context, {
    ending,
    exit: exitOf(facts),
    undo: commandLine(context.settings.given, ['undrain', '--hold', answer.hold]),
    json: { hold: answer.hold, want: 'drained', elapsedMs: Math.round(watch.elapsedMs()), ...facts },
    summary: () =>
      summaryLines(context.style, {
        ...facts,
        want: 'drained',
        elapsedMs: watch.elapsedMs(),
        hold: answer.hold,
        direct: false,
      }),
  })
}

function orderedOnly(context: Context, answer: DrainAnswer): number {
  if (context.settings.json) context.printJson(answer)
  else {
    context.print([
      `ordered: hold ${answer.hold} on ${counted(answer.hosts.length, 'host')}; nobody has waited for them`,
      ...wrapped(context.style, 'next: guardian ctl status --watch shows how they get on', 2),
      ...(answer.persisted
        ? []
        : wrapped(context.style, 'the coordinator could not save the hold: free space on its disk', 2)),
    ])
  }
  return answer.persisted ? 0 : 3
}
