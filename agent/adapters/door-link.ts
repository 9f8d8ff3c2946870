import type { Socket } from 'node:net'
import { WebSocket } from 'ws'

/** One WebSocket of a peer, whichever protocol it speaks. */
export interface DoorLink {
  readonly id: string
  readonly socket: WebSocket
  readonly address: string
  /** Whether what it proved is still good; asked again when keys change. */
  isGood(): boolean
  /** When the peer was last heard, on any frame. */
  heardMs: number
}

const unsentBytesMax = 1024 * 1024
const quietMs = 10_000
const silentMs = 30_000

export function createLink(id: string, socket: WebSocket, peer: Socket, isGood: () => boolean): DoorLink {
  const link: DoorLink = { id, socket, address: peer.remoteAddress ?? '', isGood, heardMs: performance.now() }
  const heard = (): void => {
    link.heardMs = performance.now()
  }
  socket.on('message', heard).on('ping', heard).on('pong', heard)
  // What is wrong with a frame has closed the socket with the right code; there is nobody else to tell.
  socket.on('error', () => socket.terminate())
  return link
}

/** Sends where the socket is open. A peer that does not read is cut off rather than queued for. */
export function sendText({ socket }: DoorLink, text: string): void {
  if (socket.readyState !== WebSocket.OPEN) return
  if (socket.bufferedAmount > unsentBytesMax) socket.terminate()
  else socket.send(text)
}

/** Asks a quiet peer whether it is there, and cuts off a silent one. */
export function lookAfter({ socket, heardMs }: DoorLink): void {
  const silence = performance.now() - heardMs
  if (silence >= silentMs) socket.terminate()
  else if (silence >= quietMs && socket.readyState === WebSocket.OPEN) socket.ping()
}
