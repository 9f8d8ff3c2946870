import { type RawData, WebSocket } from 'ws'
import { isAsRecorded, type Line, type Transcript } from './transcripts.ts'

export interface Difference {
  readonly expected: Line
  readonly got: Line
}

/** Says what the client of a transcript says; the first answer that is not as recorded, or null. */
export async function replay(url: string, { lines }: Transcript): Promise<Difference | null> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const heard = listenTo(socket)
  try {
    for (const expected of lines) {
      if (expected.who === 'client') {
        await opened(socket)
        socket.send(expected.text)
        continue
      }
      const got = await heard()
      if (!isSame(expected, got)) return { expected, got }
    }
    return null
  } finally {
    socket.terminate()
  }
}

function isSame(expected: Line, got: Line): boolean {
  if (expected.who === 'close') {
    return got.who === 'close' && got.code === expected.code && got.reason === expected.reason
  }
  return got.who === 'server' && isAsRecorded(expected.text, got.text)
}

/** What the server does next, in order; nothing that comes early is lost. */
function listenTo(socket: WebSocket): () => Promise<Line> {
  const lines: Line[] = []
  const waiting: ((line: Line) => void)[] = []
  const add = (line: Line) => {
    const next = waiting.shift()
    if (next === undefined) lines.push(line)
    else next(line)
  }
  socket.on('message', (data: RawData) => add({ who: 'server', text: String(data) }))
  socket.on('close', (code, reason) => add({ who: 'close', code, reason: String(reason) }))
  socket.on('error', (cause) => add({ who: 'close', code: 0, reason: cause.message }))
  return () =>
    new Promise((resolve) =>
      lines.length === 0 ? waiting.push(resolve) : resolve(lines.shift() ?? { who: 'close', code: 0, reason: '' }),
    )
}

function opened(socket: WebSocket): Promise<void> {
  if (socket.readyState !== socket.CONNECTING) return Promise.resolve()
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
}
