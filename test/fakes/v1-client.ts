import * as v from 'valibot'
import { WebSocket } from 'ws'
import { type V1Action, type V1Answer, v1Answer } from '../../protocol/v1.ts'

export interface V1ClientOptions {
  readonly addresses: readonly string[]
  readonly port: number
  readonly key: string
  readonly action: V1Action
  readonly limitMs: number
}

export interface V1Result {
  readonly address: string
  readonly ok: boolean
  readonly text: string
}

/** What IO Guardian's client does: dials every host at once, proves the key, gives one order, waits, leaves. */
export function orderAll(options: V1ClientOptions): Promise<readonly V1Result[]> {
  return Promise.all(options.addresses.map((address) => orderOne(address, options)))
}

async function orderOne(address: string, { port, key, action, limitMs }: V1ClientOptions): Promise<V1Result> {
  const socket = new WebSocket(`ws://${address}:${port}/`, { perMessageDeflate: false })
  const late = setTimeout(() => socket.terminate(), limitMs)
  try {
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const proof = await ask(socket, { type: 'auth', key })
    if (proof.type !== 'auth' || proof.status !== 'ok') return { address, ok: false, text: proof.message }
    const answer = await ask(socket, { type: 'command', action })
    return { address, ok: answer.type === 'response' && answer.status === 'ok', text: answer.message }
  } catch (cause) {
    return { address, ok: false, text: cause instanceof Error ? cause.message : String(cause) }
  } finally {
    clearTimeout(late)
    socket.close()
  }
}

function ask(socket: WebSocket, message: object): Promise<V1Answer> {
  return new Promise((resolve, reject) => {
    const closed = (code: number) => reject(new Error(`closed with ${code}`))
    socket.once('close', closed)
    socket.once('error', reject)
    socket.once('message', (data) => {
      socket.off('close', closed)
      socket.off('error', reject)
      resolve(v.parse(v1Answer, JSON.parse(String(data))))
    })
    socket.send(JSON.stringify(message))
  })
}
