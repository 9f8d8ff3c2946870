import { isIPv6, type Socket } from 'node:net'
import { limits } from '../../protocol/limits.ts'

/** Sockets that have not proved a key yet: few, each for a short time, and never in the way of somebody else's. */
export interface Strangers {
  /** Takes a socket in; where there is no room, the oldest of whoever has most is cut off for it. */
  admit(socket: Socket): void
  /** It has proved its key: neither counted nor limited any more. */
  release(socket: Socket): void
  readonly count: number
}

interface Stranger {
  readonly from: string
  readonly timer: NodeJS.Timeout
}

export function createStrangers(evicted: (reason: 'late' | 'crowded') => void): Strangers {
  // In the order of their coming.
  const strangers = new Map<Socket, Stranger>()

  function cut(socket: Socket, reason: 'late' | 'crowded'): void {
    release(socket)
    socket.destroy()
    evicted(reason)
  }

  function release(socket: Socket): void {
    clearTimeout(strangers.get(socket)?.timer)
    strangers.delete(socket)
  }

  /** Whoever has to go for one more from there; null where there is room. */
  function surplus(from: string): Socket | null {
    const share = new Map<string, number>()
    for (const stranger of strangers.values()) share.set(stranger.from, (share.get(stranger.from) ?? 0) + 1)
    const isGreedy = (share.get(from) ?? 0) >= limits.strangersPerAddressMax
    if (!isGreedy && strangers.size < limits.strangersMax) return null
    const most = Math.max(...share.values())
    for (const [socket, stranger] of strangers) {
      if (isGreedy ? stranger.from === from : share.get(stranger.from) === most) return socket
    }
    return null
  }

  return {
    admit(socket) {
      const from = neighbourhood(socket.remoteAddress ?? '')
      const oldest = surplus(from)
      if (oldest !== null) cut(oldest, 'crowded')
      strangers.set(socket, { from, timer: setTimeout(() => cut(socket, 'late'), limits.proofMs) })
      socket.once('close', () => release(socket))
    },
    release,
    get count() {
      return strangers.size
    },
  }
}

/** Whom an address belongs to: one machine has a whole /64 of IPv6. */
export function neighbourhood(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [plain = ''] = address.split('%')
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = [...before, ...(tail === undefined ? [] : zeros), ...after]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
