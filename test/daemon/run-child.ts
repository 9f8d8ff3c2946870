import { type Running, runUntilSignal } from '../../daemon/run.ts'
import { GuardianError } from '../../protocol/errors.ts'

// The daemon that run.test.ts starts; what it holds open, until closed, is one timer.
const [mode] = process.argv.slice(2)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function open(): Running {
  const alive = setInterval(() => {}, 1_000)
  let reloads = 0
  say('open')
  return {
    ...(mode === 'reload' && {
      async reload() {
        reloads += 1
        say(`reload ${reloads} ${reloads === 1 ? 'refused' : 'done'}`)
        if (reloads === 1) throw new GuardianError('bad-config', 'hots: no such setting')
      },
    }),
    async [Symbol.asyncDispose]() {
      if (mode === 'stuck') {
        say('closing')
        await new Promise(() => {})
      }
      clearInterval(alive)
      say('closed')
    },
  }
}

runUntilSignal(async (die) => {
  if (mode === 'cannot-open') throw new Error('port taken')
  if (mode === 'slow-open') {
    const alive = setInterval(() => {}, 1_000)
    say('opening')
    await new Promise((resolve) => process.once('SIGTERM', resolve))
    clearInterval(alive)
  }
  if (mode === 'dies') setImmediate(() => die(new Error('the bus is gone')))
  return open()
}).catch((cause: unknown) => {
  say(`failed: ${cause instanceof Error ? cause.message : cause}`)
  process.exitCode = 1
})
