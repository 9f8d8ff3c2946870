import { execFile } from 'node:child_process'

/** The ActiveState of a unit of this host, by `systemctl`, for unit probes. */
export function readUnitState(unit: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const words = ['show', '--property=ActiveState', '--value', '--', unit]
    execFile('systemctl', words, { timeout: 10_000, maxBuffer: 4_096 }, (cause, text) => {
      if (cause === null) resolve(text.trim())
      else reject(new Error('systemctl does not answer', { cause }))
    })
  })
}
