import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient, type MessageBus, messageType } from 'dbus-native'
import { codeOf, reasonOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { Sieve } from './bus-sieve.ts'

/** One call on systemd's bus name. */
export interface BusCall {
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly unknown[]
}

export interface CallOptions {
  readonly limitMs?: number
  readonly signal?: AbortSignal
}

export interface BusSignal {
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly body: readonly unknown[]
}

/** A connection to systemd that comes back by itself. */
export interface Bus extends AsyncDisposable {
  readonly connected: boolean
  /** The values of the reply. Rejects at once while there is no connection. */
  call(call: BusCall, options?: CallOptions): Promise<readonly unknown[]>
  onSignal(listener: (signal: BusSignal) => void): void
  /** Told true each time that systemd can be asked (again), and false when it cannot any more. */
  onConnection(listener: (connected: boolean) => void): void
}

export interface BusAddress {
  readonly path: string
  /** systemd's own socket, without a message bus between. */
  readonly direct: boolean
}

const systemd = 'org.freedesktop.systemd1'
const openLimitMs = 5_000
const nudgeEveryMs = 10
const callLimitMs = 10_000
// A message bus refuses the 129th call without an answer.
const pendingMax = 64
const pauseMinMs = 50
const pauseMaxMs = 5_000

// On a message bus only what is asked for arrives; on systemd's own socket everything does.
const matches = [
  "member='JobNew'",
  "member='JobRemoved'",
  "member='Reloading'",
  "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0='org.freedesktop.systemd1.Unit'",
].map((rule) => `type='signal',sender='${systemd}',${rule}`)
const ownerMatch = `type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${systemd}'`

/** `system`, `private`, `user`, or an address such as `unix:path=/run/user/1000/systemd/private`. */
export function busAddressOf(name: string): BusAddress {
  if (name === 'system')
    return parseAddress(process.env.DBUS_SYSTEM_BUS_ADDRESS ?? 'unix:path=/run/dbus/system_bus_socket')
  if (name === 'private') return { path: '/run/systemd/private', direct: true }
  if (name !== 'user') return parseAddress(name)
  const runtimeDir = process.env.XDG_RUNTIME_DIR
  if (runtimeDir === undefined) throw unavailable('bus "user" needs XDG_RUNTIME_DIR, which is not set')
  const own = `${runtimeDir}/systemd/private`
  if (existsSync(own)) return { path: own, direct: true }
  return parseAddress(process.env.DBUS_SESSION_BUS_ADDRESS ?? `unix:path=${runtimeDir}/bus`)
}

function parseAddress(address: string): BusAddress {
  const path = /^unix:path=([^,;]+)/.exec(address)?.[1]
  if (path === undefined) throw unavailable(`cannot read bus address ${JSON.stringify(address)}: use unix:path=SOCKET`)
  return { path: decodeURIComponent(path), direct: path.endsWith('/systemd/private') }
}

function unavailable(text: string, cause?: unknown): GuardianError {
  return new GuardianError('no-systemd', text, {}, { cause })
}

/** systemd's name of an error, such as `org.freedesktop.systemd1.NoSuchUnit`; null where it is none. */
export function busErrorOf(cause: unknown): string | null {
  return cause instanceof Error && 'dbusName' in cause && typeof cause.dbusName === 'string' ? cause.dbusName : null
}

/** @throws GuardianError `no-systemd` where systemd does not answer there now */
export async function openBus(name: string): Promise<Bus> {
  const address = busAddressOf(name)
  const first = await openClient(address).catch((cause: unknown) => {
    throw unavailable(
      `systemd does not answer on bus "${name}" (${address.path}): ${whyNot(cause)}; "bus" may be system, private (as root), user, or unix:path=SOCKET`,
      cause,
    )
  })
  return new SystemdBus(address, first)
}

function whyNot(cause: unknown): string {
  if (codeOf(cause) === 'EACCES') return `user id ${process.getuid?.()} may not open the socket`
  return reasonOf(cause)
}

class SystemdBus implements Bus {
  readonly #address: BusAddress
  readonly #limit = createLimit(pendingMax)
  readonly #onSignal = new Set<(signal: BusSignal) => void>()
  readonly #onConnection = new Set<(connected: boolean) => void>()
  #client: MessageBus | null = null
  #retry: NodeJS.Timeout | undefined
  #pauseMs = pauseMinMs
  #isClosed = false

  constructor(address: BusAddress, first: MessageBus) {
    this.#address = address
    this.#use(first)
  }

  get connected(): boolean {
    return this.#client !== null
  }

  call(call: BusCall, options?: CallOptions): Promise<readonly unknown[]> {
    return this.#limit(() => callOn(this.#client, call, options))
  }

  onSignal(listener: (signal: BusSignal) => void): void {
    this.#onSignal.add(listener)
  }

  onConnection(listener: (connected: boolean) => void): void {
    this.#onConnection.add(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    this.#client?.connection.stream.destroy()
    this.#client = null
  }

  #use(next: MessageBus): void {
    this.#client = next
    this.#pauseMs = pauseMinMs
    next.connection.on('message', (message: { readonly type?: number } & Partial<BusSignal>) => {
      if (message.type === messageType.signal) inOrder(() => this.#signalled(message))
    })
    next.connection.on('close', () => this.#lose(next))
    next.connection.on('end', () => this.#lose(next))
  }

  #signalled({ path = '', interface: name = '', member = '', body = [] }: Partial<BusSignal>): void {
    if (member === 'NameOwnerChanged') {
      // systemd executes itself anew behind a message bus that stays.
      this.#tell(false)
      if (body[2] !== '') this.#tell(true)
    } else for (const listener of this.#onSignal) listener({ path, interface: name, member, body })
  }

  #tell(connected: boolean): void {
    for (const listener of this.#onConnection) listener(connected)
  }

  #lose(lost: MessageBus): void {
    if (this.#client !== lost) return
    this.#client = null
    lost.connection.stream.destroy()
    if (this.#isClosed) return
    this.#tell(false)
    this.#again()
  }

  #again(): void {
    this.#retry = setTimeout(async () => {
      try {
        const next = await openClient(this.#address)
        if (this.#isClosed) {
          next.connection.stream.destroy()
          return
        }
        this.#use(next)
        this.#tell(true)
      } catch {
        this.#pauseMs = Math.min(pauseMaxMs, this.#pauseMs * 2)
        if (!this.#isClosed) this.#again()
      }
    }, this.#pauseMs)
  }
}

function callOn(
  client: MessageBus | null,
  call: BusCall,
  { limitMs = callLimitMs, signal }: CallOptions = {},
): Promise<readonly unknown[]> {
  if (client === null) return Promise.reject(unavailable('systemd does not answer on its bus now'))
  const { body, ...rest } = call
  const message = { destination: systemd, ...rest, ...(body === undefined ? {} : { body: [...body] }) }
  const options = { timeout: limitMs, ...(signal === undefined ? {} : { signal }) }
  return new Promise((resolve, reject) => {
    client.invoke(message, options, (cause: unknown, ...values: readonly unknown[]) => {
      if (cause === null || cause === undefined) inOrder(() => resolve(values))
      else inOrder(() => reject(cause))
    })
  })
}

// Messages that came in one piece of data are read in one turn, in which a signal would overtake whoever awaits the
// reply before it. With a turn for each, whoever awaits has had its say before the next message is told.
function inOrder(tell: () => void): void {
  setImmediate(tell)
}

/** Resolves once systemd itself has answered. */
async function openClient({ path, direct }: BusAddress): Promise<MessageBus> {
  const stream = new Sieve(await openStream(path))
  const client = createClient({ stream, direct, plainValues: true })
  const deadline = setTimeout(() => stream.destroy(new Error(`no answer in ${openLimitMs} ms`)), openLimitMs)
  const gone = new AbortController()
  let problem: unknown = null
  client.connection.on('error', (cause: unknown) => {
    problem ??= cause
    stream.destroy()
  })
  // Calls end with their connection; the handshake does not.
  client.connection.on('close', () => {
    problem ??= new Error('it closed the connection')
    gone.abort()
  })
  try {
    if (!direct) for (const rule of [...matches, ownerMatch]) await client.addMatch(rule)
    if (direct) await once(client.connection, 'connect', { signal: gone.signal })
    await awaitAnswer(client)
    return client
  } catch (cause) {
    stream.destroy()
    throw problem ?? cause
  } finally {
    clearTimeout(deadline)
  }
}

// systemd looks at a first message that came along with the end of the handshake only when more comes.
async function awaitAnswer(client: MessageBus): Promise<void> {
  const ping = { path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.DBus.Peer', member: 'Ping' }
  await pause(1)
  const nudge = setInterval(() => void callOn(client, ping).catch(() => {}), nudgeEveryMs)
  try {
    await callOn(client, ping)
  } finally {
    clearInterval(nudge)
  }
}

function openStream(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stream = connect(path)
    const fail = (cause: Error): void => {
      clearTimeout(deadline)
      reject(cause)
    }
    const deadline = setTimeout(() => stream.destroy(new Error(`no connection in ${openLimitMs} ms`)), openLimitMs)
    stream.once('error', fail)
    stream.once('connect', () => {
      clearTimeout(deadline)
      stream.off('error', fail)
      resolve(stream)
    })
  })
}

/** Lets so many run at a time, the rest in their order. */
function createLimit(max: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
