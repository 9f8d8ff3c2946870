import { createClient } from 'redis'
import type { RedisSpec, Verdict } from '../probe.ts'

/** Ready = answers PING. A server that wants a password first is up; one that loads its data set is not. */
export async function checkRedis(spec: RedisSpec, signal: AbortSignal): Promise<Verdict> {
  const address = spec.host.startsWith('/')
    ? { path: spec.host, tls: false as const }
    : { host: spec.host, port: spec.port }
  const client = createClient({
    RESP: 2,
    disableClientInfo: true,
    // The signal goes to the socket itself: a client that is destroyed while it connects leaves its socket open.
    socket: { ...address, reconnectStrategy: false, connectTimeout: spec.timeout, signal },
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.ping()
    return { ready: true, reason: 'answers PING' }
  } catch (cause) {
    const verdict = verdictOf(cause)
    if (verdict === null) throw cause
    return verdict
  } finally {
    if (client.isOpen) client.destroy()
  }
}

const notYet: Readonly<Record<string, string>> = {
  LOADING: 'loading its data set (LOADING)',
  MASTERDOWN: 'a replica without its master (MASTERDOWN)',
  BUSY: 'busy with a script (BUSY)',
  DENIED: 'refuses remote clients without a password (DENIED)',
}

function verdictOf(cause: unknown): Verdict | null {
  const [word = ''] = cause instanceof Error ? cause.message.split(' ') : []
  if (word === 'NOAUTH' || word === 'NOPERM') return { ready: true, reason: 'answers PING' }
  const why = notYet[word]
  return why === undefined ? null : { ready: false, reason: why }
}
