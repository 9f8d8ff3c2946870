import { request } from 'node:http'
import { wallMs } from '../../daemon/clock.ts'
import { reasonOf } from '../../daemon/reason.ts'
import type { DoorFacts } from '../core/agent.ts'
import type { ClockSample } from '../core/fleet.ts'

export interface Page {
  readonly status: number
  readonly text: string
  /** Null where the answer has no date. */
  readonly clock: ClockSample | null
}

const limitMs = 5_000
const bytesMax = 4 << 20

/** One page over plain HTTP. Rejects where nobody answers. */
export function getPage(address: string, port: number, path: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    const sentMs = wallMs()
    const signal = AbortSignal.timeout(limitMs)
    const asked = request({ host: address, port, path, agent: false, signal }, (response) => {
      const receivedMs = wallMs()
      const dateMs = Date.parse(response.headers.date ?? '')
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > bytesMax) response.destroy(new Error('answers more than a page'))
      })
      response.on('error', reject)
      response.on('end', () => {
        const clock = Number.isNaN(dateMs) ? null : { sentMs, receivedMs, dateMs }
        resolve({ status: response.statusCode ?? 0, text, clock })
      })
    })
    asked.on('error', (cause) => reject(signal.aborted ? new Error(`no answer in ${limitMs} ms`) : cause))
    asked.end()
  })
}

/** The agent of this host as its port shows it, and its build. */
export async function readDoor({ address, port }: { readonly address: string; readonly port: number }) {
  const at = { address: reachable(address), port }
  const tell = (is: DoorFacts['is'], build: string | null = null) => ({ door: { ...at, is }, build })
  try {
    const metrics = await getPage(at.address, port, '/metrics')
    const version = /^guardian_build_info\{.*?version="([^"]*)"/m.exec(metrics.text)?.[1]
    if (version === undefined) return tell({ is: 'stranger' })
    const { status, text } = await getPage(at.address, port, '/readyz')
    return tell(
      status === 200 ? { is: 'ready' } : { is: 'not-ready', lines: text.trim().split('\n') },
      `guardian ${version}`,
    )
  } catch (cause) {
    return tell({ is: 'closed', reason: reasonOf(cause) })
  }
}

/** Whoever listens everywhere is asked here. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}
