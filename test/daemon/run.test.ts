import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const script = fileURLToPath(new URL('run-child.ts', import.meta.url))

/** Starts a daemon that tells its steps a line each; ends with `exit CODE` or `killed by SIGNAL`. */
function start(mode: string) {
  const child = spawn(process.execPath, ['--import=tsx', script, mode], { stdio: ['ignore', 'pipe', 'pipe'] })
  const errors: string[] = []
  child.stderr.on('data', (chunk) => errors.push(String(chunk)))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    errors,
    next: async () => (await lines.next()).value,
    ended: () => ended(child),
  }
}

async function ended(child: ChildProcess): Promise<string> {
  const [code, signal] = await once(child, 'exit')
  return signal === null ? `exit ${code}` : `killed by ${signal}`
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} at idle closes and exits 0`, async (t) => {
    const daemon = start('idle')
    t.equal(await daemon.next(), 'open')
    const end = daemon.ended()
    daemon.child.kill(signal)
    t.equal(await daemon.next(), 'closed')
    t.equal(await end, 'exit 0')
  })
}

t.test('a signal while it opens closes it as soon as it is open', async (t) => {
  const daemon = start('slow-open')
  t.equal(await daemon.next(), 'opening')
  const end = daemon.ended()
  daemon.child.kill('SIGTERM')
  t.equal(await daemon.next(), 'open')
  t.equal(await daemon.next(), 'closed')
  t.equal(await end, 'exit 0')
})

t.test('a second signal kills a daemon that does not close', async (t) => {
  const daemon = start('stuck')
  t.equal(await daemon.next(), 'open')
  const end = daemon.ended()
  daemon.child.kill('SIGTERM')
  t.equal(await daemon.next(), 'closing')
  daemon.child.kill('SIGTERM')
  t.equal(await end, 'killed by SIGTERM')
})

t.test('a daemon that dies is closed, and the cause is told', async (t) => {
  const daemon = start('dies')
  const end = daemon.ended()
  t.equal(await daemon.next(), 'open')
  t.equal(await daemon.next(), 'closed')
  t.equal(await daemon.next(), 'failed: the bus is gone')
  t.equal(await end, 'exit 1')
})

t.test('what the opening throws is thrown on', async (t) => {
  const daemon = start('cannot-open')
  const end = daemon.ended()
  t.equal(await daemon.next(), 'failed: port taken')
  t.equal(await end, 'exit 1')
})

t.test('SIGHUP reloads; a refused reload leaves it as it was', async (t) => {
  const daemon = start('reload')
  t.equal(await daemon.next(), 'open')
  const end = daemon.ended()
  daemon.child.kill('SIGHUP')
  t.equal(await daemon.next(), 'reload 1 refused')
  daemon.child.kill('SIGHUP')
  t.equal(await daemon.next(), 'reload 2 done')
  daemon.child.kill('SIGTERM')
  t.equal(await end, 'exit 0')
  t.match(daemon.errors.join(''), 'not reloaded: hots: no such setting')
})

t.test('SIGHUP does nothing to a daemon that cannot reload', async (t) => {
  const daemon = start('idle')
  t.equal(await daemon.next(), 'open')
  const end = daemon.ended()
  daemon.child.kill('SIGHUP')
  daemon.child.kill('SIGTERM')
  t.equal(await end, 'exit 0')
})
