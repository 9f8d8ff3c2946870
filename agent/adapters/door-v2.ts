import { errors, GuardianError } from '../../protocol/errors.ts'
import type { ClientHello } from '../../protocol/v2/hello.ts'
import type { JobCommand } from '../../protocol/v2/job.ts'
import type { Ping } from '../../protocol/v2/ping.ts'
import { type AgentMessage, type Command, decodeClientMessage } from '../../protocol/v2.ts'
import { type DoorLink, sendText } from './door-link.ts'

/** What a v2 client makes happen. */
export interface V2Events {
  greeted(hello: ClientHello): void
  commanded(command: Command): void
  pinged(ping: Ping): void
  statusAsked(): void
  jobOrdered(command: JobCommand): void
}

/** Reads a v2 client's frames; the first that is not right ends the link. */
export function serveV2(link: DoorLink, helloLimitMs: number, events: V2Events): void {
  let isGreeted = false
  let isOver = false

  function refuse({ code, message }: GuardianError): void {
    isOver = true
    const refusal: AgentMessage = { type: 'error', code, message: message.slice(0, 500), seen: null }
    sendText(link, JSON.stringify(refusal))
    link.socket.close(errors[code].close)
  }

  function read(frame: string) {
    const message = decodeClientMessage(frame)
    if (message.type === 'hello') {
      if (isGreeted) throw new GuardianError('bad-message', 'hello was said before')
      isGreeted = true
      clearTimeout(overdue)
      return events.greeted(message)
    }
    if (!isGreeted) throw new GuardianError('bad-message', `hello comes before ${message.type}`)
    switch (message.type) {
      case 'command':
        return events.commanded(message)
      case 'ping':
        return events.pinged(message)
      case 'status':
        return events.statusAsked()
      case 'job':
        return events.jobOrdered(message)
      default:
        return message satisfies never
    }
  }

  const overdue = setTimeout(() => refuse(new GuardianError('deadline', 'no hello came')), helloLimitMs)
  link.socket.on('close', () => clearTimeout(overdue))
  link.socket.on('message', (data, isBinary) => {
    if (isOver) return
    try {
      read(isBinary ? '' : String(data))
    } catch (cause) {
      if (!(cause instanceof GuardianError)) throw cause
      refuse(cause)
    }
  })
}
