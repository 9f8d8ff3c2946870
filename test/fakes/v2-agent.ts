import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { monotonicMs, randomId } from '../../daemon/clock.ts'
import type { Claim } from '../../protocol/authority.ts'
import type { Key } from '../../protocol/keys.ts'
import { subprotocol } from '../../protocol/v2/hello.ts'
import { decodeClientMessage } from '../../protocol/v2.ts'
import { FakeAgent } from './v2-agent-state.ts'

export { FakeAgent } from './v2-agent-state.ts'

export interface FakeAgentsOptions {
  /** One agent per name; the identity of the dialler says which one it wants. */
  readonly hosts: readonly string[]
  readonly targets?: readonly string[]
  readonly keyOf: (host: string) => readonly Key[]
  /** `0.0.0.0` gives thousands of agents an address each, 127.x.y.z, on one port. */
  readonly address?: string
  readonly port?: number
  /** How long a drain or an undrain takes; 0 answers at once. */
  readonly workMs?: number
  readonly seen?: Claim | null
  readonly takesJobs?: boolean
}

/** Many agents of protocol v2 behind one socket, with their state in memory: no systemd, no marker. */
export interface FakeAgents extends AsyncDisposable {
  readonly port: number
  agent(host: string): FakeAgent
  readonly agents: ReadonlyMap<string, FakeAgent>
  /** Sockets accepted so far. */
  readonly accepted: number
}

export async function openFakeAgents(options: FakeAgentsOptions): Promise<FakeAgents> {
  const { hosts, targets = ['io-databases'], workMs = 0, seen = null, takesJobs = false } = options
  const bootId = randomId()
  const agents = new Map(hosts.map((host) => [host, new FakeAgent({ host, targets, bootId, workMs, seen, takesJobs })]))
  const byTlsSocket = new WeakMap<object, FakeAgent>()
  const sockets = new Set<Duplex>()
  let accepted = 0

  const server = createServer({
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
    pskCallback(socket, identity) {
      const [host = '', keyId] = identity.split('/')
      const agent = agents.get(host)
      const key = options.keyOf(host).find(({ id }) => id === keyId)
      if (agent === undefined || key === undefined) return null
      byTlsSocket.set(socket, agent)
      return key.tlsKey()
    },
  })
  const sessions = new WebSocketServer({
    server,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  })
  sessions.on('connection', (socket, request) => {
    const agent = byTlsSocket.get(request.socket)
    if (agent === undefined) socket.terminate()
    else serve(agent, socket)
  })
  server.on('connection', (socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const port = await listen(server, options.port ?? 0, options.address ?? '127.0.0.1')
  return {
    port,
    agents,
    agent(host) {
      const agent = agents.get(host)
      if (agent === undefined) throw new Error(`no fake agent ${host}`)
      return agent
    },
    get accepted() {
      return accepted
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents.values()) agent.stop()
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The address of agent number `at` of a fleet on 0.0.0.0. */
export function fakeAddress(at: number): string {
  return `127.${1 + Math.floor(at / 62_500)}.${Math.floor(at / 250) % 250}.${1 + (at % 250)}`
}

function serve(agent: FakeAgent, socket: WebSocket): void {
  const peer = agent.attach({
    send: (message) => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
    },
    close: (code) => socket.close(code),
    terminate: () => socket.terminate(),
  })
  socket.on('message', (data) => peer.message(decodeClientMessage(String(data)), monotonicMs()))
  socket.on('close', () => peer.closed())
  socket.on('error', () => socket.terminate())
}

function listen(server: Server, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen({ port, host: address, backlog: 4_096 }, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : 0)
    })
  })
}
