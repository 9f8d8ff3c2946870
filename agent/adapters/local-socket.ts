import { chmod, mkdir, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { message, targetName } from '../../protocol/names.ts'

/** local process → agent, one line: may this target open? The answer comes when it may. */
export const localQuestion = v.object({ target: targetName })
/** agent → local process, one line, and the connection ends. */
export const localAnswer = v.variant('is', [
  v.object({ is: v.literal('open') }),
  v.object({ is: v.literal('refused'), reason: message }),
])

/** Where processes of this host ask. Whoever may not open yet just waits. */
export interface LocalSocket extends AsyncDisposable {
  tellOpen(asker: string): void
}

export interface LocalSocketParts {
  readonly runtimeDir: string
  readonly knows: (target: string) => boolean
  readonly asked: (asker: string, target: string) => void
  readonly gone: (asker: string) => void
}

const askersMax = 64
const questionBytesMax = 1_024
const questionLimitMs = 5_000
const pathBytesMax = 107

export function localSocketPath(runtimeDir: string): string {
  return join(runtimeDir, 'agent.sock')
}

/** @throws GuardianError where the socket cannot be made, or another agent listens on it */
export async function openLocalSocket({ runtimeDir, knows, asked, gone }: LocalSocketParts): Promise<LocalSocket> {
  const path = localSocketPath(runtimeDir)
  const askers = new Map<string, Socket>()
  let count = 0

  function end(socket: Socket, answer: v.InferOutput<typeof localAnswer>): void {
    // Whoever has its answer is let go, also where it does not hang up.
    socket.end(`${JSON.stringify(answer)}\n`, () => socket.destroy())
  }

  // Anybody on this host may ask, so nobody is refused for the many: whoever has to go asks again, and is told at once
  // when open.
  function makeRoom(): void {
    const [oldest] = askers
    if (oldest === undefined || askers.size < askersMax) return
    askers.delete(oldest[0])
    oldest[1].destroy()
  }

  function answer(socket: Socket, line: string) {
    const question = v.safeParse(v.pipe(v.string(), v.parseJson(), localQuestion), line)
    if (!question.success) return end(socket, { is: 'refused', reason: 'not a question that is known here' })
    const { target } = question.output
    if (!knows(target)) return end(socket, { is: 'refused', reason: `no target named ${target} here` })
    makeRoom()
    count += 1
    const asker = `${count}`
    askers.set(asker, socket)
    socket.once('close', () => {
      askers.delete(asker)
      gone(asker)
    })
    asked(asker, target)
  }

  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    readLine(socket, (line) => answer(socket, line))
  })
  await listen(server, path)
  return {
    tellOpen(asker) {
      const socket = askers.get(asker)
      if (socket !== undefined) end(socket, { is: 'open' })
    },
    async [Symbol.asyncDispose]() {
      for (const socket of askers.values()) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The first line; whoever sends too much of it, or takes too long, is cut off. */
function readLine(socket: Socket, told: (line: string) => void): void {
  const late = setTimeout(() => socket.destroy(), questionLimitMs)
  let text = ''
  const take = (data: Buffer): void => {
    text += String(data)
    const end = text.indexOf('\n')
    if (end < 0 && text.length > questionBytesMax) socket.destroy()
    if (end < 0) return
    clearTimeout(late)
    socket.off('data', take)
    // Kept flowing, so that its end is seen.
    socket.resume()
    told(text.slice(0, end))
  }
  socket.on('data', take)
  socket.once('close', () => clearTimeout(late))
}

async function listen(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw new GuardianError(
      'bad-config',
      `${path}: longer than the ${pathBytesMax} bytes that a socket may have; set runtimeDir`,
    )
  }
  try {
    await mkdir(dirname(path)).catch(unless('EEXIST'))
    if (await isAnswered(path))
      throw new GuardianError('port-taken', `${path}: another agent answers there; stop it first`)
    await unlink(path).catch(unless('ENOENT'))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
    // Anybody on this host may know whether a target may open; that is all that it tells.
    await chmod(path, 0o666)
  } catch (cause) {
    if (cause instanceof GuardianError) throw cause
    const text = `${path}: cannot be made by user id ${process.getuid?.()} (${codeOf(cause)}); set runtimeDir (--runtime-dir)`
    throw new GuardianError('bad-config', text, {}, { cause })
  }
}

function unless(code: string) {
  return (cause: unknown): void => {
    if (codeOf(cause) !== code) throw cause
  }
}

/** Whether somebody listens; a socket that a killed agent left behind is answered by nobody. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
