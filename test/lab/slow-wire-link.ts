import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Network } from './network.ts'
import type { Place, Wire } from './slow-wire.ts'

const program = fileURLToPath(new URL('slow-wire-child.ts', import.meta.url))

/** An address on the network whose ports lead to the same ports of other hosts, over a long and thin wire. */
export interface SlowLink extends AsyncDisposable {
  readonly address: string
}

export async function openSlowLink(network: Network, wire: Wire, places: readonly Place[]): Promise<SlowLink> {
  const address = '198.18.1.1'
  await network.address(address)
  const enter = ['netns', 'exec', network.name, process.execPath, '--import', 'tsx', program]
  const child = spawn('ip', [...enter, JSON.stringify({ address, wire, places })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const ended = exited.then(([code]) => {
    throw new Error(`the slow wire has ended with ${code}`)
  })
  await Promise.race([once(createInterface(child.stdout), 'line'), ended])
  ended.catch(() => undefined)
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await exited
    },
  }
}
