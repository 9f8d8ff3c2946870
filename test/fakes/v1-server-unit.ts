import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import type { V1Action } from '../../protocol/v1.ts'
import { openV1Servers, type V1Outcome } from './v1-server.ts'

// What a host's io-guardian.service ran: IO Guardian's server, with the systemd of the host behind it.

const target = 'io-databases.target'
const limitMs = 45_000
const everyMs = 500

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { host: text, port: text, 'psk-file': text } })
  const { host = '0.0.0.0', port = '9876', 'psk-file': file = '' } = values
  const key = (await readFile(file, 'utf8')).trim()
  await openV1Servers({ key, address: host, port: Number(port), carryOut: (_, action) => carryOut(action) })
}

/** Starts or stops the target, and waits for it and for what it upholds, and for nothing else. */
async function carryOut(action: V1Action): Promise<V1Outcome> {
  const [verb, wanted] = action === 'drain' ? (['stop', 'inactive'] as const) : (['start', 'active'] as const)
  const units = [target, ...(await show(target, 'Upholds')).split(' ').filter(Boolean)]
  await systemctl('--no-block', verb, target)
  for (let spentMs = 0; spentMs < limitMs; spentMs += everyMs) {
    const states = await Promise.all(units.map((unit) => show(unit, 'ActiveState')))
    if (states.every((state) => state === wanted || state === 'failed')) {
      return { ok: !states.includes('failed'), text: `${target} and dependencies reached state ${states.join(', ')}` }
    }
    await pause(everyMs)
  }
  return { ok: false, text: `Timeout waiting for ${target} to reach state ${wanted}` }
}

async function show(unit: string, property: string): Promise<string> {
  return (await systemctl('show', '--value', '-p', property, unit)).trim()
}

async function systemctl(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)('systemctl', args)).stdout
}

void main()
