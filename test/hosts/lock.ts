import { readFileSync } from 'node:fs'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { until } from './until.ts'

/** Runs the work while no other process holds the lock; one that was killed holds it no longer. */
export async function withLock<T>(lock: string, work: () => Promise<T>, limitMs = 120_000): Promise<T> {
  await mkdir(dirname(lock), { recursive: true })
  await until(`the lock ${lock}`, () => takeLock(lock), { limitMs })
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

async function takeLock(lock: string): Promise<boolean> {
  const mine = `${lock}.${process.pid}`
  await writeFile(mine, `${process.pid} ${startOf(process.pid)}`)
  try {
    await link(mine, lock)
    return true
  } catch {
    const [pid, started] = (await readFile(lock, 'utf8').catch(() => '')).split(' ')
    // The lock of a process that was killed.
    if (started !== undefined && startOf(Number(pid)) !== started) await rm(lock, { force: true })
    return false
  } finally {
    await rm(mine, { force: true })
  }
}

/** When a process started, in clock ticks: a pid alone is used again. Empty where there is none. */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
