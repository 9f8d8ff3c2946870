import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The one-shot v1 client that a fleet is held against: in Python, as IO Guardian's is, where its library is at hand. */
export async function v1Client(bundled: string): Promise<{ readonly name: string; readonly argv: readonly string[] }> {
  const python = process.env.GUARDIAN_BENCH_PYTHON ?? 'python3'
  try {
    await promisify(execFile)(python, ['-c', 'import asyncio, websockets'])
    return { name: 'Python', argv: [python, join(import.meta.dirname, 'v1_client.py')] }
  } catch {
    return { name: 'Node', argv: [process.execPath, bundled] }
  }
}
