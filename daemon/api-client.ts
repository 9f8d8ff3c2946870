import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import * as v from 'valibot'
import { apiError } from '../protocol/api.ts'
import { formatDuration } from '../protocol/duration.ts'
import { type ErrorCode, errors, GuardianError } from '../protocol/errors.ts'
import { createEventReader, type StreamedEvent } from './event-stream.ts'

/** Where the coordinator's API is. */
export type ApiPlace =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string; readonly token: string | null }

export interface AskOptions {
  readonly limitMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface FollowOptions {
  /** For the first byte of the answer. */
  readonly limitMs?: number
  /** Without a byte for so long, comments included, the stream counts as lost. */
  readonly silenceMs?: number
  readonly lastEventId?: string
  /** Called when the answer has begun. */
  readonly opened?: () => void
  readonly signal?: AbortSignal | undefined
}

/**
 * The coordinator over HTTP. Every failure is a GuardianError; one with code `no-coordinator` has the field `sent`,
 * `no` where nothing was sent and `yes` where the outcome is unknown, and `why`: a code of Node, or `silent`.
 */
export interface ApiClient {
  get<T>(path: string, answer: v.GenericSchema<unknown, T>, options?: AskOptions): Promise<T>
  post<T>(path: string, body: object, answer: v.GenericSchema<unknown, T>, options?: AskOptions): Promise<T>
  follow<T>(path: string, event: v.GenericSchema<unknown, T>, options?: FollowOptions): AsyncGenerator<Followed<T>>
}

export interface Followed<T> {
  readonly id: string
  readonly value: T
}

const askLimitMs = 10_000
const answerBytesMax = 64 * 1024 * 1024

export function createApiClient(place: ApiPlace): ApiClient {
  return {
    get: (path, schema, options = {}) => ask(place, { method: 'GET', path, body: null }, schema, options),
    post: (path, body, schema, options = {}) =>
      ask(place, { method: 'POST', path, body: JSON.stringify(body) }, schema, options),
    follow: (path, schema, options = {}) => follow(place, path, schema, options),
  }
}

/** A path with a query in which nothing needs quoting by the caller; absent values are left out. */
export function pathWith(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

export function describePlace(place: ApiPlace): string {
  return place.kind === 'socket' ? place.path : place.url
}

interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: string | null
  readonly headers?: Readonly<Record<string, string>>
}

async function ask<T>(
  place: ApiPlace,
  question: Question,
  schema: v.GenericSchema<unknown, T>,
  options: AskOptions,
): Promise<T> {
  const limitMs = options.limitMs ?? askLimitMs
  const overdue = AbortSignal.timeout(limitMs)
  const signal = options.signal === undefined ? overdue : AbortSignal.any([overdue, options.signal])
  try {
    const response = await open(place, question, signal)
    const text = await textOf(response)
    if (!isGood(response)) throw refusalOf(response, text)
    return decode(schema, text)
  } catch (cause) {
    throw told(cause, place, { sent: question.method === 'POST', silentMs: overdue.aborted ? limitMs : null })
  }
}

async function* follow<T>(
  place: ApiPlace,
  path: string,
  schema: v.GenericSchema<unknown, T>,
  options: FollowOptions,
): AsyncGenerator<Followed<T>> {
  const watch = createWatch(options.limitMs ?? askLimitMs, options.signal)
  try {
    const resume: Record<string, string> =
      options.lastEventId === undefined ? {} : { 'last-event-id': options.lastEventId }
    const headers = { accept: 'text/event-stream', ...resume }
    const response = await open(place, { method: 'GET', path, body: null, headers }, watch.signal)
    if (!isGood(response)) throw refusalOf(response, await textOf(response))
    options.opened?.()
    for await (const { id, data } of eventsOf(response, () => watch.heard(options.silenceMs))) {
      yield { id, value: decode(schema, data) }
    }
  } catch (cause) {
    throw told(cause, place, { sent: true, silentMs: watch.silentMs() })
  } finally {
    watch.end()
  }
}

async function* eventsOf(response: IncomingMessage, heard: () => void): AsyncGenerator<StreamedEvent> {
  const read = createEventReader()
  heard()
  response.setEncoding('utf8')
  for await (const chunk of response) {
    heard()
    yield* read(String(chunk))
  }
}

/** Ends a stream by its own signal when the peer is silent for longer than it may. */
function createWatch(firstMs: number, outer: AbortSignal | undefined) {
  const own = new AbortController()
  let limitMs = firstMs
  let overdue = false
  let timer = setTimeout(expire, firstMs)
  function expire(): void {
    overdue = true
    own.abort()
  }
  return {
    signal: outer === undefined ? own.signal : AbortSignal.any([own.signal, outer]),
    heard(silenceMs: number | undefined): void {
      clearTimeout(timer)
      if (silenceMs === undefined) return
      limitMs = silenceMs
      timer = setTimeout(expire, silenceMs)
    },
    silentMs: () => (overdue ? limitMs : null),
    end(): void {
      clearTimeout(timer)
      own.abort()
    },
  }
}

function open(place: ApiPlace, question: Question, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = httpRequest({ ...optionsOf(place, question), signal }, resolve)
    outgoing.on('error', reject)
    outgoing.end(question.body ?? undefined)
  })
}

function optionsOf(place: ApiPlace, question: Question): RequestOptions {
  const { method, path, body } = question
  const headers: Record<string, string> = { accept: 'application/json', connection: 'close', ...question.headers }
  if (body !== null) headers['content-type'] = 'application/json'
  // No server name, which only TLS uses: working one out costs 3 ms of the start of a command.
  const plain = { method, path, headers, agent: false, servername: '' }
  if (place.kind === 'socket') return { ...plain, socketPath: place.path }
  if (place.token !== null) headers.authorization = `Bearer ${place.token}`
  const { hostname, port } = new URL(place.url)
  return { ...plain, hostname: hostname.replaceAll(/[[\]]/g, ''), port: port === '' ? 80 : port }
}

function isGood(response: IncomingMessage): boolean {
  const status = response.statusCode ?? 0
  return status >= 200 && status < 300
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: string[] = []
  let size = 0
  response.setEncoding('utf8')
  for await (const chunk of response) {
    const part = String(chunk)
    size += part.length
    if (size > answerBytesMax) throw new GuardianError('internal', 'the coordinator answered more than 64 MiB')
    parts.push(part)
  }
  return parts.join('')
}

function decode<T>(schema: v.GenericSchema<unknown, T>, text: string): T {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
  if (result.success) return result.output
  const at = v.getDotPath(result.issues[0]) ?? 'the whole'
  throw new GuardianError(
    'internal',
    `the coordinator's answer is not as this guardian expects (at ${at}): are both of the same version?`,
  )
}

function refusalOf(response: IncomingMessage, text: string): GuardianError {
  const status = response.statusCode ?? 0
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), apiError), text)
  if (!result.success) return new GuardianError('internal', `HTTP ${status} without a reason`, { status })
  const { code, message } = result.output
  return isErrorCode(code) ? new GuardianError(code, message) : new GuardianError('internal', `${message} (${code})`)
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errors, code)
}

function told(cause: unknown, place: ApiPlace, how: { sent: boolean; silentMs: number | null }): unknown {
  if (cause instanceof GuardianError) return cause
  if (!(cause instanceof Error)) return cause
  const code = 'code' in cause ? String(cause.code) : cause.name
  const sent = how.sent && !neverSent.has(code) ? 'yes' : 'no'
  const text =
    how.silentMs === null
      ? whyNot(place, code)
      : `${describePlace(place)} did not answer within ${formatDuration(how.silentMs)}`
  return new GuardianError('no-coordinator', text, { sent, why: how.silentMs === null ? code : 'silent' }, { cause })
}

const neverSent: ReadonlySet<string> = new Set([
  'ENOENT',
  'EACCES',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTSOCK',
])

function whyNot(place: ApiPlace, code: string): string {
  const at = describePlace(place)
  const start =
    'is io-guardian-coordinator.service running on this machine? See systemctl status io-guardian-coordinator'
  switch (code) {
    case 'ENOENT':
      return `no coordinator socket at ${at}: ${start}; for a coordinator elsewhere give --url, for none --direct`
    case 'EACCES':
    case 'EPERM':
      return `permission denied for ${at}: join the group io-guardian-operators (and log in again), or run as root`
    case 'ECONNREFUSED':
      return place.kind === 'socket'
        ? `nobody listens at ${at}: ${start}`
        : `nobody listens at ${at}: is api.listen set in coordinator.json, and the daemon running?`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no address for ${at}: the host name cannot be resolved`
    case 'ABORT_ERR':
      return `interrupted before ${at} had answered`
    default:
      return `the connection to ${at} was lost (${code})`
  }
}
