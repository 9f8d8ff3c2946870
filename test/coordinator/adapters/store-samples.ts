import type { FleetSave } from '../../../coordinator/core/effect.ts'
import type { FleetHold } from '../../../coordinator/core/state.ts'

export const bootA = { id: 'a'.repeat(32), atMs: 10_000 }
export const bootB = { id: 'b'.repeat(32), atMs: 500 }

export function aHold(part: Partial<FleetHold> = {}): FleetHold {
  return {
    id: 'hold-1',
    targets: ['io-databases'],
    selector: '@web',
    except: new Set(),
    members: new Set(['web1']),
    owner: 'operator:ann',
    message: 'disk',
    sinceMs: 1_700_000_000_000,
    end: null,
    orphan: false,
    persisted: true,
    rushAtMs: null,
    ...part,
  }
}

export function aSave(part: Partial<FleetSave> & Pick<FleetSave, 'claim'>): FleetSave {
  return { superseded: null, awaiting: [], put: [], release: [], owedUndrain: [], ...part }
}
