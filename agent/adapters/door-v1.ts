import type { Key } from '../../protocol/keys.ts'
import { limits } from '../../protocol/limits.ts'
import {
  readV1,
  type V1Answer,
  v1AuthInvalid,
  v1AuthOk,
  v1InvalidJson,
  v1NotAuthenticated,
  v1Response,
} from '../../protocol/v1.ts'
import { type DoorLink, sendText } from './door-link.ts'

/** What a v1 client makes happen. */
export interface V1Events {
  /** Null where no key fits. */
  find(candidate: string): Key | null
  proved(key: Key): void
  failed(): void
  commanded(action: 'drain' | 'undrain'): void
}

/** Reads a v1 client's frames as IO Guardian's server did. */
export function serveV1(link: DoorLink, events: V1Events): void {
  let isProved = false
  let isRefused = false

  function refuse(answer: V1Answer, reason: string): void {
    isRefused = true
    sendText(link, v1Text(answer))
    link.socket.close(1008, reason)
  }

  function prove(candidate: string): void {
    const key = events.find(candidate)
    if (key !== null) {
      if (!isProved) events.proved(key)
      isProved = true
      sendText(link, v1Text(v1AuthOk))
      return
    }
    // Only this socket waits, so that guessing is slow and nobody else notices.
    isRefused = true
    events.failed()
    const timer = setTimeout(() => refuse(v1AuthInvalid, 'Authentication failed'), limits.failedKeyDelayMs)
    link.socket.once('close', () => clearTimeout(timer))
  }

  link.socket.on('message', (data) => {
    if (isRefused) return
    const frame = String(data)
    const reading = readV1(frame)
    if (reading.is === 'auth') return prove(reading.key)
    if (reading.is === 'refused' && reading.answer === v1InvalidJson) return sendText(link, v1Text(reading.answer))
    if (!isProved) return refuse(v1NotAuthenticated, 'Not authenticated')
    if (reading.is === 'refused') return sendText(link, v1Text(reading.answer))
    if (reading.action === 'ping') return sendText(link, v1Text(v1Response('ping', 'ok', 'pong')))
    events.commanded(reading.action)
  })
}

/** JSON in the very bytes in which IO Guardian's server, written in Python, sends it. */
export function v1Text(answer: V1Answer): string {
  const fields = Object.entries(answer).map(([name, value]) => `${ascii(name)}: ${ascii(value)}`)
  return `{${fields.join(', ')}}`
}

function ascii(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
