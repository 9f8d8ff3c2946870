import { once } from 'node:events'
import { type Fleet, startFleet } from '../test/hosts/fleet.ts'
import { prepare } from '../test/hosts/workers.ts'
import { acts } from './acts.ts'
import { cast } from './cast.ts'
import { bad, good, say, table, title } from './screen.ts'
import { rowsOf, type Timeline } from './timeline.ts'

const usage = `Shows guardian's main job on this machine: four systemd managers as hosts, real databases, real workers.

Usage: make demo, or: node --import tsx demo/main.ts [--keep]

  --keep  leaves everything running at the end, until Ctrl-C, and says how to talk to it
`

async function main(argv: readonly string[]): Promise<void> {
  const keep = argv.includes('--keep')
  if (argv.some((argument) => argument !== '--keep')) {
    process.stderr.write(usage)
    process.exitCode = argv.includes('--help') ? 0 : 2
    return
  }
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort(new Error('interrupted'))
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  title('A fleet of four hosts')
  // Not interrupted: what is half started could not be ended.
  const fleet = await startFleet({
    hosts: hosts(),
    target: { waves: ['@web', '!@web'], drainDeadline: '30s' },
    tell: (step) => say(`… ${step}`),
  })
  try {
    interrupted.signal.throwIfAborted()
    await prepare(fleet)
    const failed = await Promise.race([play(fleet), rejected(interrupted.signal)])
    if (keep) await stay(fleet, interrupted.signal)
    process.exitCode = failed === 0 ? 0 : 1
  } finally {
    await fleet.stop()
    say(`Every process of the four hosts has ended, and ${fleet.root} is removed.`)
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

function hosts() {
  return Object.fromEntries(
    Object.entries(cast).map(([name, dependents]) => [
      name,
      { dependents, tags: name.startsWith('web') ? ['web'] : [] },
    ]),
  )
}

/** Plays every act and resolves with the number of claims that did not hold. */
async function play(fleet: Fleet): Promise<number> {
  const timelines: Timeline[] = []
  let failed = 0
  for (const act of acts) {
    const seen = await act(fleet)
    for (const [claim, holds] of seen.claims) {
      if (holds) good(claim)
      else bad(claim)
      failed += holds ? 0 : 1
    }
    timelines.push(...(seen.timelines ?? []))
  }
  title('What happened when')
  for (const timeline of timelines) {
    say(timeline.title, '')
    table(rowsOf(timeline))
    say('')
  }
  return failed
}

async function stay(fleet: Fleet, signal: AbortSignal): Promise<void> {
  const { GUARDIAN_SOCKET } = fleet.environment
  const [io, web1] = [fleet.io, fleet.host('web1')]
  say(
    'Everything is still running. From another terminal:',
    '',
    `  export GUARDIAN_SOCKET=${GUARDIAN_SOCKET}`,
    `  ${fleet.program.join(' ')} ctl status --watch`,
    `  XDG_RUNTIME_DIR=${io.runDir} systemctl --user stop postgresql.service   # io`,
    `  XDG_RUNTIME_DIR=${web1.runDir} systemctl --user list-units              # web1`,
    `  tail -f ${web1.root}/log/io-guardian.service`,
    '',
    'Ctrl-C ends it.',
  )
  if (!signal.aborted) await once(signal, 'abort')
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

main(process.argv.slice(2)).catch((cause: unknown) => {
  bad(
    cause instanceof Error
      ? `${cause.message}${cause.cause instanceof Error ? `\n${cause.cause.message}` : ''}`
      : String(cause),
  )
  process.exitCode = 1
})
