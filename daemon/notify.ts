import { createRequire } from 'node:module'

/** What a service tells systemd; every call is cheap and does nothing where nobody listens. */
export interface Notify {
  ready(): void
  status(text: string): void
  /** Answers SIGHUP of `Type=notify-reload`; `ready` ends it. */
  reloading(): void
  stopping(): void
  /** How long systemd waits for `alive` before it kills; null where the unit has no watchdog. */
  readonly watchdogMs: number | null
  alive(): void
}

interface Native {
  sendState(text: string): void
}

/** Loads the native module only where systemd listens. Without it `warn` is told once what the unit must say. */
export async function openNotify(warn: (text: string) => void = toStderr): Promise<Notify> {
  const native = process.env.NOTIFY_SOCKET === undefined ? null : load(warn)
  const send = (state: string): void => native?.sendState(state)
  return {
    ready: () => send('READY=1'),
    status: (text) => send(`STATUS=${text.replaceAll('\n', ' ')}`),
    reloading: () => send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`),
    stopping: () => send('STOPPING=1'),
    watchdogMs: native === null ? null : readWatchdogMs(),
    alive: () => send('WATCHDOG=1'),
  }
}

/** Whether the native module is here, so that a unit may say Type=notify. */
export function canNotify(): boolean {
  return load(() => {}) !== null
}

function load(warn: (text: string) => void): Native | null {
  try {
    const native: Native = createRequire(import.meta.url)('sd-notify')
    return native
  } catch {
    warn('the package sd-notify is not installed: the unit must say Type=exec and must not set WatchdogSec=')
    return null
  }
}

function readWatchdogMs(): number | null {
  const { WATCHDOG_USEC, WATCHDOG_PID } = process.env
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return null
  const limitMs = Number(WATCHDOG_USEC) / 1_000
  return limitMs > 0 ? limitMs : null
}

function toStderr(text: string): void {
  process.stderr.write(`${text}\n`)
}
