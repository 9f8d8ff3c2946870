import { connect } from 'node:net'
import type { TcpSpec, Verdict } from '../probe.ts'

/** Ready = the port accepts. */
export function checkTcp(spec: TcpSpec, signal: AbortSignal): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: spec.host, port: spec.port, signal })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve({ ready: true, reason: 'accepts connections' })
    })
  })
}
