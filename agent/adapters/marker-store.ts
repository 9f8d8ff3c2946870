import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { randomId, wallMs } from '../../daemon/clock.ts'
import { readAs, removeDurably, syncDirectory, writeDurably } from '../../daemon/durable-file.ts'
import type { Log } from '../../daemon/log.ts'
import { codeOf, reasonOf } from '../../daemon/reason.ts'
import { type Claim, claim } from '../../protocol/authority.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { type Hold, hold } from '../../protocol/hold.ts'
import { bootId } from '../../protocol/names.ts'
import type { AgentSave } from '../core/effect.ts'
import { unreadableHold } from '../core/self-drain.ts'
import type { Opening, TargetRecord } from '../core/state.ts'

/** What an agent must not forget: its claim and the record of each target. */
export interface MarkerStore {
  load(targets: readonly string[]): Promise<Saved>
  /** Resolves once it would survive a power cut. Throws where it cannot be written; what stood before stands then. */
  save(save: AgentSave): Promise<void>
}

export interface Saved {
  readonly seen: Claim | null
  readonly records: ReadonlyMap<string, TargetRecord>
}

/** What a marker's file holds: any number of holds, what was taken is never forgotten for being too much. */
export const marker = v.object({ version: v.literal(1), holds: v.array(hold) })
const opening = v.object({ bootId, is: v.picklist(['opening', 'open']) })

export function markerPath(stateDir: string, target: string): string {
  return join(stateDir, 'drained', target)
}

export function openingPath(stateDir: string, target: string): string {
  return join(stateDir, 'opening', target)
}

/** @throws GuardianError `bad-config` where the state directory cannot be used at all */
export async function openMarkerStore(stateDir: string, log: Log): Promise<MarkerStore> {
  const seenPath = join(stateDir, 'seen')
  let isPrepared = await prepare(stateDir)
  return {
    async load(targets) {
      const seen = await readAs(seenPath, claim).catch((cause: unknown) => {
        log.warn({ file: seenPath, reason: whyNot(cause) }, 'forgot which coordinator ordered last: unreadable')
        return null
      })
      const records = targets.map(
        async (target): Promise<[string, TargetRecord]> => [target, await loadRecord(stateDir, target, log)],
      )
      return { seen, records: new Map(await Promise.all(records)) }
    },
    async save({ seen, record }) {
      if (!isPrepared) isPrepared = await prepare(stateDir)
      if (seen !== null) await writeDurably(seenPath, seen)
      if (record !== null) await saveRecord(stateDir, record.target, record.record)
    },
  }
}

/** Whether the directories are there now: on a full disk they are made later, with the first thing that is saved. */
async function prepare(stateDir: string): Promise<boolean> {
  try {
    for (const each of ['', 'drained', 'opening']) await make(join(stateDir, each))
    // Left by a write that was cut off; what it was to replace still stands.
    for (const directory of [stateDir, join(stateDir, 'drained'), join(stateDir, 'opening')]) {
      for (const file of await readdir(directory))
        if (isTemporary(file)) await rm(join(directory, file), { force: true })
      // Whoever was killed here before may have removed a file and not made that durable.
      await syncDirectory(directory)
    }
    return true
  } catch (cause) {
    // A full or read-only disk hinders no drain; one that is not there at all does.
    if (codeOf(cause) === 'EROFS' || codeOf(cause) === 'ENOSPC') return false
    throw new GuardianError(
      'bad-config',
      `stateDir ${stateDir}: cannot be used by user id ${process.getuid?.()} (${codeOf(cause)}); make it, or set stateDir (--state-dir)`,
      {},
      { cause },
    )
  }
}

// Not recursive: Node then says ENOENT where the disk is full, and tries for ever below /proc.
async function make(directory: string): Promise<void> {
  await mkdir(directory).catch((cause: unknown) => {
    if (codeOf(cause) !== 'EEXIST') throw cause
  })
}

async function loadRecord(stateDir: string, target: string, log: Log): Promise<TargetRecord> {
  return {
    marker: await loadMarker(markerPath(stateDir, target), target, log),
    opening: await loadOpening(stateDir, target, log),
  }
}

/** An unreadable marker counts as a hold, never as none. */
async function loadMarker(file: string, target: string, log: Log): Promise<readonly Hold[] | null> {
  try {
    return (await readAs(file, marker))?.holds ?? null
  } catch (cause) {
    const reason = whyNot(cause)
    // Fresh each time: a released id is remembered for ever, and must not release the next unreadable marker.
    const id = `${unreadableHold}${randomId()}`
    log.error({ target, file, reason, event: 'hold-taken', hold: id }, 'marker unreadable: stays drained')
    const message = `the marker ${file} cannot be read (${reason}): nobody knows who drained this host`.slice(0, 500)
    return [{ id, owner: 'self', message, sinceMs: wallMs(), selector: '*', except: [] }]
  }
}

async function loadOpening(stateDir: string, target: string, log: Log): Promise<Opening | null> {
  const file = openingPath(stateDir, target)
  return await readAs(file, opening).catch((cause: unknown) => {
    log.warn({ target, file, reason: whyNot(cause) }, 'unreadable; this boot decides anew')
    return null
  })
}

// At no instant does neither a marker nor the decision to open stand: whatever shuts is written before anything that
// opens is removed, and the other way round.
async function saveRecord(stateDir: string, target: string, record: TargetRecord): Promise<void> {
  const markerFile = markerPath(stateDir, target)
  const openingFile = openingPath(stateDir, target)
  if (record.marker !== null) await writeDurably(markerFile, { version: 1, holds: record.marker })
  if (record.opening === null) await removeDurably(openingFile)
  else await writeDurably(openingFile, record.opening)
  if (record.marker === null) await removeDurably(markerFile)
}

function isTemporary(file: string): boolean {
  return file.startsWith('.') && file.endsWith('.next')
}

function whyNot(cause: unknown): string {
  return codeOf(cause) ?? (cause instanceof v.ValiError ? 'damaged' : reasonOf(cause))
}
