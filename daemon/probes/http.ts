import type { ClientRequest, IncomingMessage } from 'node:http'
import type { HttpSpec, Verdict } from '../probe.ts'

/** Ready = the expected status, or any of 200 to 399; redirects are not followed. */
export async function checkHttp(spec: HttpSpec, signal: AbortSignal): Promise<Verdict> {
  const { get } = spec.url.startsWith('https:') ? await import('node:https') : await import('node:http')
  return await new Promise((resolve, reject) => {
    // No agent: a connection that is kept alive would answer for a server that no longer accepts.
    const request: ClientRequest = get(spec.url, { agent: false, signal }, (response: IncomingMessage) => {
      const { statusCode: status = 0 } = response
      response.destroy()
      const ready = spec.status === undefined ? status >= 200 && status < 400 : status === spec.status
      resolve({ ready, reason: `status ${status}` })
    })
    request.once('error', reject)
  })
}
