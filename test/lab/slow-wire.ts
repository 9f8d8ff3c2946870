import { connect, createServer, type Server, type Socket } from 'node:net'
import { Random } from '../sim/random.ts'

/** A wire that is long and thin. */
export interface Wire {
  /** How long a byte is under way, in each direction. */
  readonly delayMs: number
  /** At most so much longer. */
  readonly jitterMs: number
  readonly bytesPerSecond: number
}

export interface Place {
  readonly host: string
  readonly port: number
}

// What is under way may not grow for ever where the wire is too thin for it.
const underWayMax = 256 * 1024

/** Whoever connects here is connected to a place at the other end of the wire. */
export function throughWire(wire: Wire, to: Place): Server {
  const random = new Random(1)
  return createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, noDelay: true, allowHalfOpen: true })
    carry(near, far, wire, random)
    carry(far, near, wire, random)
  })
}

/** What arrives leaves later, in order; so does the end of it. */
function carry(from: Socket, to: Socket, { delayMs, jitterMs, bytesPerSecond }: Wire, random: Random): void {
  const underWay: { readonly dueMs: number; readonly deliver: () => void; readonly bytes: number }[] = []
  let [bytes, freeMs, lastMs] = [0, 0, 0]
  const arrive = () => {
    while ((underWay[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= performance.now()) {
      const parcel = underWay.shift()
      bytes -= parcel?.bytes ?? 0
      parcel?.deliver()
    }
    if (bytes < underWayMax) from.resume()
  }
  const send = (deliver: () => void, size: number) => {
    freeMs = Math.max(freeMs, performance.now()) + (size / bytesPerSecond) * 1_000
    lastMs = Math.max(lastMs, freeMs + delayMs + jitterMs * random.next())
    underWay.push({ dueMs: lastMs, deliver, bytes: size })
    bytes += size
    if (bytes >= underWayMax) from.pause()
    // A timer may fire a little early.
    setTimeout(arrive, lastMs - performance.now() + 1)
  }
  from.on('data', (chunk) => send(() => void to.write(chunk), chunk.length))
  from.on('end', () => send(() => void to.end(), 0))
  from.on('error', () => send(() => void to.destroy(), 0))
}
