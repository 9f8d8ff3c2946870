import { connect } from 'node:net'
import * as v from 'valibot'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { localAnswer, localSocketPath } from './local-socket.ts'

/** `absent`: nobody listens; `lost`: who listened went away without an answer. */
export type Reply = 'open' | 'absent' | 'lost'

/**
 * Asks this host's agent whether a target may open, and waits as long as it takes.
 * @throws GuardianError where the agent refuses the question
 */
export async function askAgent(runtimeDir: string, target: string, signal: AbortSignal): Promise<Reply> {
  const line = await talk(localSocketPath(runtimeDir), `${JSON.stringify({ target })}\n`, signal)
  if (line === 'absent' || line === 'lost') return line
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), localAnswer), line)
  if (!answer.success) return 'lost'
  if (answer.output.is === 'open') return 'open'
  throw new GuardianError('unknown-target', `the agent refuses: ${answer.output.reason}`)
}

function talk(path: string, question: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    const settle = (done: () => void): void => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      done()
    }
    const abort = (): void => settle(() => reject(signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    socket.on('connect', () => socket.write(question))
    socket.on('data', (data: Buffer) => {
      text += String(data)
      const end = text.indexOf('\n')
      if (end >= 0) settle(() => resolve(text.slice(0, end)))
    })
    socket.on('error', (cause) => {
      const isAbsent = ['ENOENT', 'ECONNREFUSED'].includes(codeOf(cause) ?? '')
      settle(() => resolve(isAbsent ? 'absent' : 'lost'))
    })
    socket.on('close', () => settle(() => resolve('lost')))
  })
}
