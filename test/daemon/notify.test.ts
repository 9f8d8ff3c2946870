import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const child = fileURLToPath(new URL('notify-child.ts', import.meta.url))

// Node has no datagram sockets of the unix kind, so the part of systemd is played in Python.
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
for _ in range(5): print(s.recv(4096).decode().replace('\\n', '|'), flush=True)
`
const hasPython = await run('python3', ['--version']).then(
  () => true,
  () => false,
)

t.test('tells systemd what happens', { skip: hasPython ? false : 'needs python3' }, async (t) => {
  const socket = join(t.testdir(), 's')
  const python = spawn('python3', ['-c', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const reading = createInterface({ input: python.stdout }).on('line', (line) => lines.push(line))
  const heard = once(reading, 'close')
  await once(reading, 'line')
  const { stdout, stderr } = await runChild({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '5000000' })
  if (stderr.includes('not installed')) {
    python.kill()
    t.match(stderr, /must say Type=exec/)
    return
  }
  await heard
  t.equal(stdout, '5000\n')
  t.match(lines, [
    'listening',
    'STATUS=opening the door',
    'READY=1',
    /^RELOADING=1\|MONOTONIC_USEC=\d+$/,
    'WATCHDOG=1',
    'STOPPING=1',
  ])
})

t.test('does nothing where nobody listens', async (t) => {
  const { stdout, stderr } = await runChild({})
  t.strictSame([stdout, stderr], ['null\n', ''])
})

t.test('a watchdog that is meant for another process is none', async (t) => {
  const { stdout } = await runChild({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '5000000', WATCHDOG_PID: '1' })
  t.equal(stdout, 'null\n')
})

function runChild(env: Readonly<Record<string, string>>) {
  const { PATH = '' } = process.env
  return run(process.execPath, ['--import=tsx', child], { env: { PATH, ...env } })
}
