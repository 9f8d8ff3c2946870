import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  type DrainAnswer,
  type DrainRequest,
  drainRequest,
  type FleetEvent,
  type FleetStatus,
  type GateAnswer,
  type GateRequest,
  gateRequest,
  type PingAnswer,
  type ProgressAnswer,
  type UndrainAnswer,
  type UndrainRequest,
  undrainRequest,
} from '../../protocol/api.ts'
import { errors, GuardianError } from '../../protocol/errors.ts'
import type { RolloutLogLine, RolloutStatus } from '../../protocol/rollout/api.ts'
import { FakeRollouts } from './rollout-api.ts'

interface Stream {
  readonly path: string
  readonly response: ServerResponse
}

export async function openFakeApi(status: FleetStatus): Promise<FakeApi> {
  const api = new FakeApi(await mkdtemp(join(tmpdir(), 'guardian-api-')), status)
  await api.comeBack()
  return api
}

/** A coordinator's API with nothing behind it but what the test says. */
export class FakeApi implements AsyncDisposable {
  readonly directory: string
  readonly socket: string
  /** Every request that arrived: method and path with query. */
  readonly heard: string[] = []
  readonly drains: DrainRequest[] = []
  readonly undrains: UndrainRequest[] = []
  readonly gates: { readonly resource: string; readonly request: GateRequest }[] = []
  readonly events: FleetEvent[] = []
  readonly rollouts = new FakeRollouts()
  status: FleetStatus
  ping: PingAnswer = { hosts: [] }
  onDrain: (request: DrainRequest) => DrainAnswer = () => refuse('internal', 'no drain is expected')
  onUndrain: (request: UndrainRequest) => UndrainAnswer = () => refuse('internal', 'no undrain is expected')
  onGate: (resource: string, request: GateRequest) => GateAnswer = () => refuse('internal', 'no gate is expected')
  /** null: the hold is unknown. */
  progress: ProgressAnswer | null = null
  /** Accepts and reads, answers nothing any more. */
  silent = false
  readonly #sockets = new Set<Socket>()
  readonly #streams = new Set<Stream>()
  readonly #waiting = new Set<() => void>()
  #server: Server | null = null

  constructor(directory: string, status: FleetStatus) {
    this.directory = directory
    this.socket = join(directory, 'api.sock')
    this.status = status
  }

  /** Sets `progress` and tells everybody who follows it. */
  tell(progress: ProgressAnswer): void {
    this.progress = progress
    for (const { path, response } of this.#streams) if (path === '/v1/progress') send(response, progress)
  }

  happen(event: FleetEvent): void {
    this.events.push(event)
    for (const { path, response } of this.#streams) if (path === '/v1/events') send(response, event, event.id)
  }

  /** The present state of a rollout, told to everybody who follows it. */
  tellRollout(status: RolloutStatus): void {
    this.rollouts.statuses.set(status.id, status)
    for (const { path, response } of this.#streams) if (path === `/v1/rollouts/${status.id}`) send(response, status)
  }

  tellLog(id: string, line: RolloutLogLine): void {
    this.rollouts.logs.push(line)
    for (const { path, response } of this.#streams) if (path === `/v1/rollouts/${id}/logs`) send(response, line)
  }

  /** Resolves when so many streams of this path are open. */
  followed(path: string, count = 1): Promise<void> {
    const isSo = (): boolean => [...this.#streams].filter((stream) => stream.path === path).length >= count
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isSo()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** Cuts every connection, and listens on. */
  cut(): void {
    for (const one of this.#sockets) one.destroy()
    this.#streams.clear()
  }

  /** Ends every stream in good order. */
  endStreams(): void {
    for (const { response } of this.#streams) response.end()
  }

  /** Cuts every connection and listens no more, as a killed daemon. */
  async vanish(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  comeBack(): Promise<void> {
    const server = createServer((request, response) => {
      this.#handle(request, response).catch((cause: unknown) => answer(response, cause))
    })
    this.#server = server
    server.on('connection', (one) => {
      this.#sockets.add(one)
      one.on('close', () => this.#sockets.delete(one))
    })
    return new Promise((resolve, reject) => {
      server.on('error', reject)
      server.listen(this.socket, resolve)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server?.listening === true) await this.vanish()
    await rm(this.directory, { recursive: true })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    this.heard.push(`${request.method} ${url.pathname}${url.search}`)
    const body = await bodyOf(request)
    if (this.silent) return
    const isStream = request.headers.accept === 'text/event-stream'
    if (url.pathname === '/v1/progress') {
      if (this.progress === null) throw new GuardianError('unknown-hold', 'no such hold')
      if (isStream) this.#follow(url.pathname, response, (stream) => send(stream, this.progress))
      else reply(response, 200, this.progress)
    } else if (url.pathname === '/v1/events') {
      const from = this.events.findIndex(({ id }) => id === request.headers['last-event-id'])
      const missed = request.headers['last-event-id'] === undefined ? [] : this.events.slice(from + 1)
      this.#follow(url.pathname, response, (stream) => {
        for (const event of missed) send(stream, event, event.id)
      })
    } else this.#rest(url, request, response, body)
  }

  #rest(url: URL, request: IncomingMessage, response: ServerResponse, body: unknown): void {
    const answered = this.rollouts.answer(request.method ?? '', url, body)
    if (answered === undefined) reply(response, 200, this.#plain(url.pathname, body))
    else if (request.headers.accept !== 'text/event-stream') reply(response, 200, answered)
    else {
      const first = Array.isArray(answered) ? answered : [answered]
      this.#follow(url.pathname, response, (stream) => {
        for (const value of first) send(stream, value)
      })
    }
  }

  #plain(path: string, body: unknown): object {
    if (path === '/v1/status') return this.status
    if (path === '/v1/ping') return this.ping
    if (path === '/v1/drain') {
      this.drains.push(v.parse(drainRequest, body))
      return this.onDrain(v.parse(drainRequest, body))
    }
    if (path === '/v1/undrain') {
      this.undrains.push(v.parse(undrainRequest, body))
      return this.onUndrain(v.parse(undrainRequest, body))
    }
    if (path.startsWith('/v1/gates/')) {
      const gate = { resource: path.slice('/v1/gates/'.length), request: v.parse(gateRequest, body) }
      this.gates.push(gate)
      return this.onGate(gate.resource, gate.request)
    }
    throw new GuardianError('not-found', `nothing at ${path}`)
  }

  #follow(path: string, response: ServerResponse, first: (response: ServerResponse) => void): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': here\n\n')
    const stream = { path, response }
    this.#streams.add(stream)
    response.on('close', () => this.#streams.delete(stream))
    first(response)
    for (const look of [...this.#waiting]) look()
  }
}

function refuse(code: 'internal', text: string): never {
  throw new GuardianError(code, text)
}

function send(response: ServerResponse, value: unknown, id?: string): void {
  response.write(`${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`)
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

function answer(response: ServerResponse, cause: unknown): void {
  if (cause instanceof GuardianError)
    reply(response, errors[cause.code].http, { code: cause.code, message: cause.message })
  else reply(response, 500, { code: 'internal', message: String(cause) })
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? null : v.parse(v.pipe(v.string(), v.parseJson()), text)
}
