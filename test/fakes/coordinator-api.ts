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

/** A coordinator's API with nothing behind it but what the test says. */
export interface FakeApi extends AsyncDisposable {
  readonly directory: string
  readonly socket: string
  /** Every request that arrived: method and path with query. */
  readonly heard: string[]
  readonly drains: DrainRequest[]
  readonly undrains: UndrainRequest[]
  readonly gates: { readonly resource: string; readonly request: GateRequest }[]
  status: FleetStatus
  ping: PingAnswer
  events: FleetEvent[]
  onDrain: (request: DrainRequest) => DrainAnswer
  onUndrain: (request: UndrainRequest) => UndrainAnswer
  onGate: (resource: string, request: GateRequest) => GateAnswer
  /** null: the hold is unknown. */
  progress: ProgressAnswer | null
  /** Sets `progress` and tells everybody who follows it. */
  tell(progress: ProgressAnswer): void
  happen(event: FleetEvent): void
  /** Resolves when so many streams of this path are open. */
  followed(path: string, count?: number): Promise<void>
  /** Accepts and reads, answers nothing any more. */
  silent: boolean
  /** Cuts every connection, and listens on. */
  cut(): void
  /** Ends every stream in good order. */
  endStreams(): void
  /** Cuts every connection and listens no more, as a killed daemon. */
  vanish(): Promise<void>
  comeBack(): Promise<void>
}

interface Stream {
  readonly path: string
  readonly response: ServerResponse
}

export async function openFakeApi(status: FleetStatus): Promise<FakeApi> {
  const directory = await mkdtemp(join(tmpdir(), 'guardian-api-'))
  const socket = join(directory, 'api.sock')
  const sockets = new Set<Socket>()
  const streams = new Set<Stream>()
  const waiting = new Set<() => void>()
  let server = await listen()

  const api: FakeApi = {
    directory,
    socket,
    heard: [],
    drains: [],
    undrains: [],
    gates: [],
    status,
    ping: { hosts: [] },
    events: [],
    onDrain: () => refuse('internal', 'no drain is expected'),
    onUndrain: () => refuse('internal', 'no undrain is expected'),
    onGate: () => refuse('internal', 'no gate is expected'),
    progress: null,
    silent: false,
    tell(progress) {
      api.progress = progress
      for (const { path, response } of streams) if (path === '/v1/progress') send(response, progress)
    },
    happen(event) {
      api.events.push(event)
      for (const { path, response } of streams) if (path === '/v1/events') send(response, event, event.id)
    },
    followed(path, count = 1) {
      const isSo = (): boolean => [...streams].filter((stream) => stream.path === path).length >= count
      return new Promise((resolve) => {
        const look = (): void => {
          if (!isSo()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
    },
    cut() {
      for (const one of sockets) one.destroy()
      streams.clear()
    },
    endStreams() {
      for (const { response } of streams) response.end()
    },
    async vanish() {
      api.cut()
      await new Promise((resolve) => server.close(resolve))
    },
    async comeBack() {
      server = await listen()
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await api.vanish()
      await rm(directory, { recursive: true })
    },
  }
  return api

  function listen(): Promise<Server> {
    const next = createServer((request, response) => {
      handle(request, response).catch((cause: unknown) => answer(response, cause))
    })
    next.on('connection', (one) => {
      sockets.add(one)
      one.on('close', () => sockets.delete(one))
    })
    return new Promise((resolve, reject) => {
      next.on('error', reject)
      next.listen(socket, () => resolve(next))
    })
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    api.heard.push(`${request.method} ${url.pathname}${url.search}`)
    const body = await bodyOf(request)
    if (api.silent) return
    const isStream = request.headers.accept === 'text/event-stream'
    if (url.pathname === '/v1/progress') {
      if (api.progress === null) throw new GuardianError('unknown-hold', 'no such hold')
      if (isStream) follow(url.pathname, response, (stream) => send(stream, api.progress))
      else reply(response, 200, api.progress)
    } else if (url.pathname === '/v1/events') {
      const from = api.events.findIndex(({ id }) => id === request.headers['last-event-id'])
      const missed = request.headers['last-event-id'] === undefined ? [] : api.events.slice(from + 1)
      follow(url.pathname, response, (stream) => {
        for (const event of missed) send(stream, event, event.id)
      })
    } else reply(response, 200, plain(url.pathname, body))
  }

  function plain(path: string, body: unknown): object {
    if (path === '/v1/status') return api.status
    if (path === '/v1/ping') return api.ping
    if (path === '/v1/drain') {
      api.drains.push(v.parse(drainRequest, body))
      return api.onDrain(v.parse(drainRequest, body))
    }
    if (path === '/v1/undrain') {
      api.undrains.push(v.parse(undrainRequest, body))
      return api.onUndrain(v.parse(undrainRequest, body))
    }
    if (path.startsWith('/v1/gates/')) {
      const gate = { resource: path.slice('/v1/gates/'.length), request: v.parse(gateRequest, body) }
      api.gates.push(gate)
      return api.onGate(gate.resource, gate.request)
    }
    throw new GuardianError('not-found', `nothing at ${path}`)
  }

  function follow(path: string, response: ServerResponse, first: (response: ServerResponse) => void): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': here\n\n')
    const stream = { path, response }
    streams.add(stream)
    response.on('close', () => streams.delete(stream))
    first(response)
    for (const look of [...waiting]) look()
  }
}

function refuse(code: 'internal', text: string): never {
  throw new GuardianError(code, text)
}

function send(response: ServerResponse, value: unknown, id?: string): void {
  response.write(`${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`)
}

function reply(response: ServerResponse, status: number, value: object): void {
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
