import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { v1Actions } from '../../protocol/v1.ts'
import { orderAll } from './v1-client.ts'

// What io-database-coordinator.service ran at its start and at its stop: IO Guardian's client, which ends with 0.

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { action: text, hosts: text, 'psk-file': text } })
  const { action, hosts = '', 'psk-file': file = '' } = values
  const key = (await readFile(file, 'utf8')).trim()
  const order = { key, port: 9876, action: v.parse(v.picklist(v1Actions), action), limitMs: 60_000 }
  for (const { address, ok, text: said } of await orderAll({ ...order, addresses: hosts.split(',') })) {
    process.stdout.write(`[${address}] ${ok ? 'succeeded' : 'failed'}: ${said}\n`)
  }
}

void main()
