import type { FastifyReply } from 'fastify'

/** One server-sent event stream to one reader. */
export interface EventStream {
  /** False once the stream has ended, the reader is gone, or was dropped because it does not read. */
  send(data: string, id?: string): boolean
  /** True while the reader has not taken what was sent. */
  readonly isBehind: boolean
  /** Called at once where the stream has ended already. */
  onEnd(listener: () => void): void
  onRead(listener: () => void): void
  /** What was sent before still reaches a reader that takes it in time. */
  end(): void
}

const keepAliveMs = 10_000
const lastReadMs = 60_000

/** Takes the reply over. `unsentMax` is how many bytes may wait for a slow reader before it is dropped. */
export function openEventStream(reply: FastifyReply, unsentMax: number): EventStream {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  raw.flushHeaders()
  let isOver = false
  let isEnded = false
  const listeners: (() => void)[] = []
  const write = (text: string): boolean => {
    // A write after the end is an error, and would take what the reader has not yet read with it.
    if (isOver || isEnded) return false
    if (raw.writableLength > unsentMax) raw.destroy()
    else raw.write(text)
    return !raw.destroyed
  }
  let timer = setInterval(() => write(':\n\n'), keepAliveMs)
  raw.on('close', () => {
    isOver = true
    clearTimeout(timer)
    for (const listener of listeners) listener()
  })
  raw.on('error', () => raw.destroy())
  return {
    send: (data, id) => write(`${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`),
    get isBehind() {
      return raw.writableNeedDrain
    },
    onEnd(listener) {
      if (isOver) listener()
      else listeners.push(listener)
    },
    onRead: (listener) => raw.on('drain', listener),
    end() {
      if (isOver || isEnded) return
      isEnded = true
      clearTimeout(timer)
      timer = setTimeout(() => raw.destroy(), lastReadMs)
      raw.end()
    },
  }
}
