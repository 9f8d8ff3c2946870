import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startFleet } from './fleet.ts'
import type { Host } from './host.ts'
import { noLab } from './lab.ts'

// `make lab-shell`: a fleet of real hosts that stays until Ctrl-C, for trying things.

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<void> {
  if (noLab !== false) throw new Error(`no lab here: it ${noLab}`)
  say('… installing the package on four hosts: io has PostgreSQL, Redis and the coordinator')
  await using fleet = await startFleet({ suite: 'bookworm' })
  const hosts = [fleet.io, ...fleet.members.map(({ host }) => host)]
  const ending = new AbortController()
  for (const host of hosts) void keepOn(host, fleet.lab.directory, ending.signal)
  say('A shell in each of them:')
  for (const host of hosts) say(`  ${doorOf(host, fleet.lab.directory).padEnd(48)} ${host.suite}, ${host.address}`)
  say(`A first look:  ${doorOf(fleet.io, fleet.lab.directory)} guardian ctl status`)
  say(
    'A host that is rebooted or powered off comes back by itself. Ctrl-C here ends them all and leaves nothing behind.',
  )
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  ending.abort()
}

/** Switches it on again whenever it goes off, and keeps its door where it was told. */
async function keepOn(host: Host, directory: string, ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    const words = host.entry().map((word) => `'${word}'`)
    const script = `#!/bin/sh\n[ $# -gt 0 ] || set -- bash -l\nexec ${words.join(' ')} "TERM=$TERM" "$@"\n`
    await writeFile(doorOf(host, directory), script, { mode: 0o755 })
    await host.off()
    if (!ending.aborted) await host.boot()
  }
}

function doorOf(host: Host, directory: string): string {
  return join(directory, `enter-${host.name}`)
}

await main()
