import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { bootId, counter } from '../../protocol/names.ts'
import type { GateState } from '../core/state.ts'

/** What `guardian gate` writes before it tells anybody. */
export const gateFile = v.object({ state: v.picklist(['up', 'down']), seq: counter, bootId })

export interface GateFilesOptions {
  readonly dir: string
  readonly bootId: string
  readonly resources: readonly string[]
  readonly told: (resource: string, gate: GateState | null) => void
  /** The slow look behind the signal, which is lost where the directory itself is made anew. */
  readonly lookEveryMs?: number
}

/** The gates of this host as their files say; each change is told once. */
export interface GateFiles {
  /** Replaces the resources whose gates are looked at; those that are new are told at once. */
  configure(resources: readonly string[]): Promise<void>
  close(): void
}

/** Resolves when each gate has been told once. */
export async function openGateFiles(options: GateFilesOptions): Promise<GateFiles> {
  const told = new Map<string, string>()
  let resources = options.resources
  let watcher: FSWatcher | null = null
  let looking: Promise<void> | null = null
  let again = false

  // One look at a time, or a late answer of an earlier one would be told last.
  function look(): Promise<void> {
    if (looking !== null) {
      again = true
      return looking
    }
    looking = lookUntilStill().finally(() => {
      looking = null
    })
    return looking
  }

  async function lookUntilStill(): Promise<void> {
    do {
      again = false
      watcher ??= openWatcher()
      for (const resource of resources) await lookAt(resource)
    } while (again)
  }

  async function lookAt(resource: string): Promise<void> {
    const gate = await readGate(join(options.dir, resource), options.bootId)
    const text = JSON.stringify(gate)
    if (told.get(resource) === text || !resources.includes(resource)) return
    told.set(resource, text)
    options.told(resource, gate)
  }

  function openWatcher(): FSWatcher | null {
    try {
      const opened = watch(options.dir, { persistent: false })
      const lost = (): void => {
        opened.close()
        if (watcher === opened) watcher = null
      }
      return opened.on('change', () => void look()).on('error', lost)
    } catch {
      // The directory is not there yet: the slow look tries again.
      return null
    }
  }

  await look()
  const timer = setInterval(() => {
    // A watcher of a directory that was replaced is deaf and does not know it.
    watcher?.close()
    watcher = null
    void look()
  }, options.lookEveryMs ?? 5_000)
  return {
    async configure(next) {
      resources = next
      for (const name of told.keys()) if (!next.includes(name)) told.delete(name)
      await look()
    },
    close() {
      clearInterval(timer)
      watcher?.close()
    },
  }
}

/** null: absent, unreadable, undecodable or of another boot; all of them mean down. */
async function readGate(path: string, bootId: string): Promise<GateState | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const file = v.safeParse(v.pipe(v.string(), v.parseJson(), gateFile), text)
  if (!file.success || file.output.bootId !== bootId) return null
  const { state, seq, bootId: boot } = file.output
  return { is: state, seq, bootId: boot }
}
