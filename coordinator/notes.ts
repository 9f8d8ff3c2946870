import * as v from 'valibot'
import type { Log } from '../daemon/log.ts'
import { owner } from '../protocol/hold.ts'
import type { FleetNote } from './core/effect.ts'
import type { EventRing } from './event-ring.ts'

type What = FleetNote['what']

/** What each kind of note is called in the log, and how much it matters. */
const kinds: { readonly [Kind in What]: { readonly level: 'info' | 'warn' | 'error'; readonly message: string } } = {
  'hold-taken': { level: 'info', message: 'hold taken' },
  'hold-adopted': { level: 'warn', message: 'hold adopted from a marker' },
  'hold-released': { level: 'info', message: 'hold released' },
  'hold-expired': { level: 'info', message: 'hold ended' },
  'hold-narrowed': { level: 'info', message: 'hold narrowed' },
  'not-persisted': { level: 'error', message: 'hold not persisted' },
  'host-connected': { level: 'info', message: 'host connected' },
  'host-lost': { level: 'warn', message: 'host lost' },
  'target-changed': { level: 'info', message: 'target changed' },
  'order-failed': { level: 'warn', message: 'order failed' },
  'wave-started': { level: 'info', message: 'wave started' },
  'resource-ready': { level: 'info', message: 'resource ready' },
  'resource-lost': { level: 'warn', message: 'resource lost' },
  'gate-up': { level: 'info', message: 'gate up' },
  'gate-down': { level: 'info', message: 'gate down' },
  superseded: { level: 'error', message: 'superseded' },
  'taken-over': { level: 'warn', message: 'taken over' },
}

export const noteKinds = Object.keys(kinds)

/** The one place where a note becomes a line of the log, a count and an event of the API. */
export function createNotes(parts: {
  readonly log: Log
  readonly ring: EventRing
  readonly count: (what: string) => void
}): (note: FleetNote) => void {
  return (note) => {
    const { what, ...fields } = note
    const { level, message } = kinds[what]
    parts.log[level]({ event: what, ...fields }, message)
    parts.count(what)
    parts.ring.push(() => ({ what, ...subjectOf(note), text: describe(note) }))
  }
}

function subjectOf(note: FleetNote) {
  return {
    ...('host' in note ? { host: note.host } : {}),
    ...('target' in note ? { target: note.target } : {}),
    ...('resource' in note ? { resource: note.resource } : {}),
    ...('hold' in note ? { hold: note.hold } : {}),
    ...('owner' in note && v.is(owner, note.owner) ? { owner: note.owner } : {}),
  }
}

/** One sentence for a person who follows the fleet. */
export function describe(note: FleetNote): string {
  switch (note.what) {
    case 'hold-taken':
      return `${note.owner} holds (${note.hold})${because(note.text)}`
    case 'hold-adopted':
      return `adopted the hold of ${note.owner} that a marker carries (${note.hold})${because(note.text)}`
    case 'hold-released':
      return `the hold of ${note.owner} is released (${note.hold})`
    case 'hold-expired':
      return `the hold of ${note.owner} has come to its end (${note.hold})`
    case 'hold-narrowed':
      return `the hold of ${note.owner} is narrowed (${note.hold})`
    case 'not-persisted':
      return `hold ${note.hold} is carried out, but the store could not keep it: a restart forgets it`
    case 'host-connected':
      return `${note.host} is connected`
    case 'host-lost':
      return `${note.host} is lost${because(note.text)}`
    case 'target-changed':
      return `${note.target} on ${note.host}: ${note.from} → ${note.to}`
    case 'order-failed':
      return `${note.target} on ${note.host}: order failed${because(note.text)}`
    case 'wave-started':
      return `${note.target}: wave ${note.wave + 1} to be ${note.want}, ${note.hosts} host${note.hosts === 1 ? '' : 's'}`
    case 'resource-ready':
      return `${note.resource} is ready${because(note.text)}`
    case 'resource-lost':
      return `${note.resource} is not ready${because(note.text)}`
    case 'gate-up':
      return `the gate of ${note.resource} is up`
    case 'gate-down':
      return `the gate of ${note.resource} is down`
    case 'superseded':
      return `superseded, told by ${note.host}${because(note.text)}`
    case 'taken-over':
      return `taken over${because(note.text)}`
    default:
      return note satisfies never
  }
}

function because(text: string): string {
  return text === '' ? '' : `: ${text}`
}
