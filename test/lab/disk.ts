import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { baseTree, type Suite } from './base.ts'

export interface Identity {
  readonly name: string
  readonly suite: Suite
  readonly address: string
  /** What lies over the tree of its suite, the topmost first. */
  readonly layers: readonly string[]
}

/** A host's disk: what it writes lies over the tree of its suite. Resolves with its root directory. */
export async function makeDisk(directory: string, identity: Identity): Promise<string> {
  const parts = { upper: join(directory, 'upper'), work: join(directory, 'work'), root: join(directory, 'root') }
  for (const part of Object.values(parts)) await mkdir(part, { recursive: true })
  const lower = [...identity.layers, await baseTree(identity.suite)]
  const options = `lowerdir=${lower.join(':')},upperdir=${parts.upper},workdir=${parts.work}`
  await promisify(execFile)('mount', ['-t', 'overlay', 'overlay', '-o', options, parts.root])
  for (const [path, text] of Object.entries(identityFiles(identity))) await writeFile(join(parts.root, path), text)
  return parts.root
}

function identityFiles({ name, address }: Identity): Readonly<Record<string, string>> {
  return {
    'etc/hostname': `${name}\n`,
    'etc/machine-id': `${randomBytes(16).toString('hex')}\n`,
    'etc/hosts': `127.0.0.1 localhost\n${address} ${name}\n`,
    'etc/network/interfaces': [
      'auto lo\niface lo inet loopback',
      `auto eth0\niface eth0 inet static\n  address ${address}/15\n`,
    ].join('\n'),
  }
}
