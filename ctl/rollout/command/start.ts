import * as v from 'valibot'
import { GuardianError } from '../../../protocol/errors.ts'
import { hostName } from '../../../protocol/names.ts'
import type { RolloutStatus, StartRequest } from '../../../protocol/rollout/api.ts'
import { commandLine } from '../../command-line.ts'
import type { Context, Run } from '../../context.ts'
import { operatorName } from '../../operator.ts'
import { counted, unbroken, wrapped } from '../../render/style.ts'
import { decodeOptions } from '../../settings.ts'
import { chosenId, isRolloutId } from '../chosen.ts'
import { type RolloutClient, rolloutClient } from '../client.ts'
import { openFeed } from '../feed.ts'
import { watchRollout } from '../follow.ts'
import { planEntries } from '../plan-options.ts'
import { makePlan, showPlan } from '../planning.ts'

const count = v.pipe(v.string(), v.regex(/^[1-9]\d{0,4}$/, 'must be a number from 1'), v.transform(Number))
const startOptions = v.object({
  ...planEntries,
  detach: v.optional(v.boolean(), false),
  yes: v.optional(v.boolean(), false),
  maxParallel: v.optional(count),
  skipStage: v.optional(v.array(hostName), []),
  skipOffline: v.optional(v.boolean(), false),
  drain: v.optional(v.boolean(), true),
  allowReboot: v.optional(v.boolean(), false),
  adopt: v.optional(v.array(hostName), []),
})
type StartOptions = v.InferOutput<typeof startOptions>

export const run: Run = async (context, [word], from) => {
  const options = decodeOptions(startOptions, from)
  const client = await rolloutClient(context)
  const planned = await plannedFor(context, client, word, options)
  if (typeof planned === 'number') return planned
  const { id, plan } = planned
  if (plan === null)
    throw new GuardianError('conflict', `${id} is ${planned.is}: there is no plan yet that could be started`)
  if (!(await confirmed(context, planned, options))) return 2
  const feed = openFeed(client, id)
  // What happened while it was planned is not news.
  await feed.next()
  await client.start(id, requestOf(context, options, plan))
  return options.detach ? detached(context, id) : watchRollout(context, client, { id, feed })
}

/** The plan that is meant: by its id, by its hash, made now by a policy, or the newest one. */
async function plannedFor(
  context: Context,
  client: RolloutClient,
  word: string | undefined,
  options: StartOptions,
): Promise<RolloutStatus | number> {
  const makes = ['policy', 'rev', 'flake', 'on', 'copyTo', 'push'] as const
  const stray = makes.find((name) => options[name] !== undefined) ?? (options.systems.length > 0 ? 'systems' : null)
  if (word === undefined && options.policy !== undefined) return planNow(context, client, options)
  if (stray !== null)
    throw new GuardianError(
      'bad-request',
      word === undefined
        ? `--${stray} makes a new plan: name its policy too, --policy P`
        : `${word} is planned already, so --${stray} beside it means nothing: leave one out`,
    )
  if (word !== undefined && !isRolloutId(word)) return planOfHash(client, word)
  return client.status(await chosenId(context, client, word, { states: ['planned'], what: 'planned' }))
}

async function planNow(
  context: Context,
  client: RolloutClient,
  options: StartOptions,
): Promise<RolloutStatus | number> {
  if (!options.yes && (context.settings.json || !context.world.canAsk))
    throw new GuardianError(
      'bad-request',
      'a plan that nobody has seen is started only with --yes where nobody can be asked',
    )
  const made = await makePlan(context, client, options)
  const exit = await showPlan(context, client, made)
  if (made.ending.is !== 'settled' || made.last?.is !== 'planned') return exit
  const mayUnblock = options.skipOffline || options.adopt.length > 0 || options.skipStage.length > 0
  return exit === 7 && !mayUnblock ? exit : made.last
}

async function planOfHash(client: RolloutClient, hash: string): Promise<RolloutStatus> {
  if (/^[0-9a-f]{8,64}$/.test(hash)) {
    for (const { id, is } of await client.list()) {
      const status = is === 'planned' ? await client.status(id) : null
      if (status?.plan?.startsWith(hash) === true) return status
    }
  }
  throw new GuardianError(
    'unknown-rollout',
    `nothing that is planned is called ${hash}: give an id such as r17, or eight signs of its hash; see guardian ctl rollout history`,
  )
}

async function confirmed(context: Context, status: RolloutStatus, options: StartOptions): Promise<boolean> {
  if (options.yes || context.settings.json || !context.world.canAsk) return true
  const answer = await context.world.ask(`${questionOf(status)} [y/N] `, context.signal)
  if (/^y(es)?$/i.test(answer.trim())) return true
  context.print([`nothing was started; ${status.id} stays planned`])
  return false
}

function questionOf({ id, hosts, stages }: RolloutStatus): string {
  const changed = hosts.filter(({ is, action }) => is !== 'noop' && is !== 'blocked' && action !== 'noop')
  const reboots = changed.filter(({ action }) => action === 'reboot').length
  const final = stages.flatMap(({ hooks }) => hooks).filter(({ reversible }) => !reversible)
  const parts = [
    `${counted(changed.length, 'host')} in ${counted(stages.length, 'stage')}`,
    ...(reboots > 0 ? [`${reboots} of them by a reboot`] : []),
    ...final.map(({ name }) => `no way back after hook ${name}`),
  ]
  return `Start ${id}, ${parts.join(', ')}?`
}

function requestOf({ world }: Context, options: StartOptions, plan: string): StartRequest {
  return {
    plan,
    operator: operatorName(world.env),
    message: options.message,
    ...(options.maxParallel !== undefined && { maxParallel: options.maxParallel }),
    skipStages: options.skipStage,
    skipOffline: options.skipOffline,
    drain: options.drain,
    allowReboot: options.allowReboot,
    adopt: options.adopt,
  }
}

function detached(context: Context, id: string): number {
  const { given, json } = context.settings
  if (json) context.printJson({ rollout: id, started: true })
  else {
    const watch = unbroken(commandLine(given, ['rollout', 'watch', id]))
    context.print(wrapped(context.style, `started ${id}; nobody watches it here. Watch it: ${watch}`))
  }
  return 0
}
