import { createInterface } from 'node:readline/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type ApiClient, createApiClient } from '../daemon/api-client.ts'
import { type FleetStatus, fleetStatus, type HoldStatus, type TakeoverAnswer, takeoverAnswer } from '../protocol/api.ts'
import { formatDuration } from '../protocol/duration.ts'
import { errors, GuardianError } from '../protocol/errors.ts'
import { readTakeoverOptions, type TakeoverOptions, takeoverHelp } from './takeover-options.ts'

/** `guardian coordinator takeover`; `argv` is what follows it. */
export async function runTakeover(argv: readonly string[]): Promise<void> {
  const options = await readTakeoverOptions(argv)
  if (options === null) {
    process.stdout.write(takeoverHelp)
    return
  }
  const client = createApiClient({ kind: 'socket', path: options.socket })
  const before = await client.get('/v1/status', fleetStatus)
  if (!isNeeded(before, options)) {
    finish(options, before, { claim: before.claim, unmarked: [], awaiting: [] }, [])
    return
  }
  if (before.superseded !== null) await confirm(before, options)
  await takeOver(client, { excuse: options.excuse })
  const after = await awaitReports(client, options)
  const { unmarked } = await takeOver(client, { dryRun: true })
  const drop = await choose(unmarked, after, options)
  const answer = await takeOver(client, { drop, excuse: options.excuse })
  finish(options, before, answer, drop)
}

function isNeeded(status: FleetStatus, { drop, excuse }: TakeoverOptions): boolean {
  return status.superseded !== null || status.awaiting.length > 0 || drop.length + excuse.length > 0
}

interface Request {
  readonly drop?: readonly string[]
  readonly excuse?: readonly string[]
  readonly dryRun?: boolean
}

function takeOver(client: ApiClient, request: Request): Promise<TakeoverAnswer> {
  return client.post('/v1/takeover', { drop: [], excuse: [], dryRun: false, ...request }, takeoverAnswer)
}

async function confirm({ superseded, claim }: FleetStatus, { isSure }: TakeoverOptions): Promise<void> {
  if (isSure || superseded === null) return
  const { host, seen } = superseded
  const told = `${host} has taken orders of epoch ${seen.epoch}, revision ${seen.revision}; this coordinator has epoch ${claim.epoch}, revision ${claim.revision}.`
  if (!process.stdin.isTTY) {
    throw new GuardianError('bad-request', `${told} Make sure that no other coordinator runs, then say --yes`)
  }
  process.stderr.write(`${told}\n`)
  if (await asks('Does no other coordinator of this fleet run any more? [y/N] ', (answer) => /^y(es)?$/i.test(answer)))
    return
  throw new GuardianError('bad-request', 'nothing was taken over')
}

/** Waits for the markers: only they tell which holds of the store nobody carries. */
async function awaitReports(client: ApiClient, { waitMs }: TakeoverOptions): Promise<FleetStatus> {
  const deadlineMs = performance.now() + waitMs
  for (;;) {
    const status = await client.get('/v1/status', fleetStatus)
    if (status.awaiting.length === 0 || performance.now() >= deadlineMs) return status
    await pause(200)
  }
}

async function choose(
  unmarked: readonly HoldStatus[],
  { awaiting }: FleetStatus,
  { drop, keepAll, isJson }: TakeoverOptions,
): Promise<readonly string[]> {
  if (drop.length > 0 || keepAll || unmarked.length === 0) return drop
  if (!process.stdin.isTTY || isJson) return []
  process.stderr.write('The store has holds that no host carries:\n')
  if (awaiting.length > 0) process.stderr.write(`(${awaiting.join(', ')} may carry them, but did not report yet)\n`)
  const dropped: string[] = []
  for (const hold of unmarked) {
    const isDropped = await asks(`  ${describe(hold)}\n  keep or drop? [K/d] `, (answer) => /^d(rop)?$/i.test(answer))
    if (isDropped) dropped.push(hold.id)
  }
  return dropped
}

async function asks<Result>(question: string, read: (answer: string) => Result): Promise<Result> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return read((await terminal.question(question)).trim())
  } finally {
    terminal.close()
  }
}

function describe({ id, owner, message, hosts, sinceMs }: HoldStatus): string {
  const age = formatDuration(Math.max(0, Date.now() - sinceMs))
  const which = hosts.length > 5 ? `${hosts.length} hosts` : hosts.join(', ')
  return `${id} of ${owner}, ${age} old, on ${which}${message === '' ? '' : `: ${message}`}`
}

function finish(
  { isJson }: TakeoverOptions,
  before: FleetStatus,
  answer: TakeoverAnswer,
  dropped: readonly string[],
): void {
  const { claim, awaiting } = answer
  const kept = answer.unmarked.filter(({ id }) => !dropped.includes(id))
  if (isJson) process.stdout.write(`${JSON.stringify({ claim, dropped, kept: kept.map(({ id }) => id), awaiting })}\n`)
  else process.stdout.write(summary(before, { claim, awaiting, unmarked: kept }, dropped))
  if (awaiting.length > 0) process.exitCode = errors.unreachable.exit
}

function summary(
  before: FleetStatus,
  { claim, awaiting, unmarked }: TakeoverAnswer,
  dropped: readonly string[],
): string {
  const isTaken = claim.epoch !== before.claim.epoch
  return [
    isTaken ? `Taken over: epoch ${claim.epoch}.` : `Epoch ${claim.epoch}; this coordinator is not superseded.`,
    ...unmarked.map((hold) => `Kept, though no host carries it: ${describe(hold)}`),
    ...dropped.map((id) => `Dropped: ${id}`),
    ...(awaiting.length === 0
      ? []
      : [
          `No host is opened until these have reported: ${awaiting.join(', ')}.`,
          'One that is gone for good: guardian coordinator takeover --excuse HOST',
        ]),
    '',
  ].join('\n')
}
