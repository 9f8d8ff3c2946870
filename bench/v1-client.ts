import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The one-shot v1 client that a fleet is held against: in Python, as IO Guardian's is, where its library is at hand. */
export async function v1Client(bundled: string): Promise<{ readonly name: string; readonly argv: readonly string[] }> {
  // Debian's package python3-websockets belongs to /usr/bin/python3, whatever else is called python3.
  for (const python of [process.env.GUARDIAN_BENCH_PYTHON ?? 'python3', '/usr/bin/python3']) {
    if (await hasWebsockets(python))
      return { name: 'Python', argv: [python, join(import.meta.dirname, 'v1_client.py')] }
  }
  return { name: 'Node, for want of python3-websockets', argv: [process.execPath, bundled] }
}

async function hasWebsockets(python: string): Promise<boolean> {
  try {
    await promisify(execFile)(python, ['-c', 'import asyncio, websockets'])
    return true
  } catch {
    return false
  }
}
