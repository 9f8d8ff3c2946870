/** A deliberate fault: one line of a core changed, to prove that the simulator bites. */
export interface Fault {
  readonly name: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly from: string
  readonly to: string
}

export const faults: readonly Fault[] = [
  {
    name: 'the coordinator sends before it persists',
    file: 'coordinator/core/drain.ts',
    from: 'save: saveOf(kept, change),',
    to: 'save: null,',
  },
  {
    name: 'the agent answers before it persists',
    file: 'agent/core/orders.ts',
    from: 'save: held.record,',
    to: 'save: null,',
  },
  {
    name: 'forget the marker on reboot',
    file: 'agent/core/begin.ts',
    from: 'record: record ?? { marker: null, opening: null },',
    to: 'record: { marker: null, opening: record?.opening ?? null },',
  },
  {
    name: 'undrain removes every hold',
    file: 'agent/core/orders.ts',
    from: 'const kept = holdsOf(duty).filter((hold) => !release.includes(hold.id))',
    to: 'const kept: readonly Hold[] = []',
  },
  {
    name: 'accept an older epoch',
    file: 'agent/core/authority.ts',
    from: "if (claim.epoch < seen.epoch) return 'superseded'",
    to: '',
  },
  {
    name: 'accept a twin of the same epoch',
    file: 'agent/core/authority.ts',
    from: "if (isSame && claim.instance !== seen.instance) return 'superseded'",
    to: '',
  },
  {
    name: 'answer when only the target is inactive',
    file: 'agent/core/duty.ts',
    from: 'return unitsOf(view).every((unit) => hasStopped(unit) && isEmptied(duty, unit))',
    to: 'return hasStopped(view.target)',
  },
  {
    name: 'answer while processes are left behind',
    file: 'agent/core/duty.ts',
    from: 'return unitsOf(view).every((unit) => hasStopped(unit) && isEmptied(duty, unit))',
    to: 'return unitsOf(view).every((unit) => hasStopped(unit))',
  },
  {
    name: 'release by owner instead of id',
    file: 'agent/core/orders.ts',
    from: 'const kept = holdsOf(duty).filter((hold) => !release.includes(hold.id))',
    to: 'const kept = holdsOf(duty).filter((hold) => !holdsOf(duty).some((other) => other.owner === hold.owner && release.includes(other.id)))',
  },
  {
    name: 'undrain after a restored store',
    file: 'coordinator/core/told.ts',
    from: 'seen.revision > claim.revision',
    to: 'false',
  },
  {
    name: 'a superseded coordinator goes on ordering',
    file: 'coordinator/core/reconcile.ts',
    from: "if (before?.link.is !== 'up' || state.superseded !== null) return",
    to: "if (before?.link.is !== 'up') return",
  },
  {
    name: 'take an opening of an earlier boot for permission',
    file: 'agent/core/duty.ts',
    from: 'return duty.record.marker === null && duty.record.opening?.bootId === bootId',
    to: 'return duty.record.marker === null && duty.record.opening !== null && bootId !== ""',
  },
  {
    name: 'ignore the round of a view',
    file: 'agent/core/duty.ts',
    from: 'if (view === null || duty.round === 0 || view.round !== duty.round) return false',
    to: 'if (view === null || duty.round === 0) return false',
  },
  {
    name: 'do not stop again after a cancelled job',
    file: 'agent/core/rules.ts',
    from: 'return isStopLost(duty.view) && spentMs >= cancelledStopMs',
    to: 'return false',
  },
  {
    name: 'open without good probes',
    file: 'agent/core/permission.ts',
    from: '&& probesGood(state, duty) &&',
    to: '&&',
  },
  {
    name: 'allow without good probes',
    file: 'coordinator/core/reconcile.ts',
    from: "return unready(state, target).length === 0 && isTurn(state, target, host, 'undrain', atMs)",
    to: "return isTurn(state, target, host, 'undrain', atMs)",
  },
  {
    name: 'allow before the wave',
    file: 'coordinator/core/reconcile.ts',
    from: "return unready(state, target).length === 0 && isTurn(state, target, host, 'undrain', atMs)",
    to: 'return unready(state, target).length === 0',
  },
  {
    name: 'forget the released ids',
    file: 'coordinator/core/begin.ts',
    from: 'released: new Set(facts.released),',
    to: 'released: new Set(),',
  },
  {
    name: 'drop the exceptions of a hold on reload',
    file: 'coordinator/core/configure.ts',
    from: 'if (fresh.length === 0 && targets.length === hold.targets.length) return hold',
    to: 'if (fresh.length === 0 && targets.length === hold.targets.length) return { ...hold, except: new Set() }',
  },
  {
    name: 'start while a marker exists',
    file: 'agent/core/rules.ts',
    from: "if (dutyState(duty, state.bootId) !== 'opening' || duty.view === null || !probesGood(state, duty)) return null",
    to: 'if (duty.view === null || !probesGood(state, duty)) return null',
  },
  {
    name: 'never start again what did not come up',
    file: 'agent/core/rules.ts',
    from: "if (duty.work.is === 'starting' && atMs < duty.work.againAtMs) return null",
    to: "if (duty.work.is === 'starting') return null",
  },
  {
    name: 'lose the drains that a lost store knew of',
    file: 'coordinator/core/adopt.ts',
    from: 'if (state.superseded !== null) return []',
    to: 'return []',
  },
  {
    name: 'open before every host has reported after a takeover',
    file: 'coordinator/core/reconcile.ts',
    from: '  if (state.awaiting.size > 0) return null\n  const isFree',
    to: '  const isFree',
  },
  {
    name: 'open at boot without the word of a coordinator that is expected',
    file: 'agent/core/permission.ts',
    from: 'if (hasCoordinator(state) || bootWithoutCoordinatorMs === null) return false',
    to: 'if (bootWithoutCoordinatorMs === null) return true',
  },
  {
    name: 'a late answer of a v1 server pays what a new hold owes',
    file: 'coordinator/core/told-v1.ts',
    from: "word.action === 'undrain' && holdsOn(state, name, target).length === 0",
    to: "word.action === 'undrain'",
  },
  {
    name: 'a v1 server that was told to open is still acknowledged',
    file: 'coordinator/core/reconcile.ts',
    from: ', acknowledged: null }',
    to: ' }',
  },
  {
    name: 'take the hold of a gate that has just gone down for over',
    file: 'coordinator/core/wanted.ts',
    from: ' && !isOfLaterRun(state, held.id)',
    to: '',
  },
  {
    name: 'forget that a person has opened what a gate holds',
    file: 'coordinator/core/undrain.ts',
    from: 'if (live !== undefined && isStanding(state, live))',
    to: 'if (false)',
  },
  {
    name: 'let a person release the run that a gate has not come to',
    file: 'coordinator/core/undrain.ts',
    from: 'if (isOfLaterRun(state, id))',
    to: 'if (false)',
  },
  {
    name: 'adopt the run that a gate has not come to',
    file: 'coordinator/core/adopt.ts',
    from: ' && boot !== state.bootId',
    to: '',
  },
  {
    name: 'adopt the hold of a gate under any owner',
    file: 'coordinator/core/adopt.ts',
    from: 'if (resource === null) return boot === undefined',
    to: 'if (resource === null) return true',
  },
  {
    name: 'take one host’s word for whom an orphan leaves out',
    file: 'coordinator/core/adopt.ts',
    from: 'except: new Set(),',
    to: 'except: new Set(held.except),',
  },
  {
    name: 'take one host’s word for the end of an orphan',
    file: 'coordinator/core/adopt.ts',
    from: 'end: null,',
    to: 'end: held.remainingMs === undefined ? null : { remainingMs: held.remainingMs, asOfMs: 0 },',
  },
  {
    name: 'a gate that comes up knows of no down that it could not record',
    file: 'gate/core.ts',
    from: "if (previous.state === 'down' && state === 'down') return previous",
    to: 'if (previous.state === state) return previous',
  },
  {
    name: 'drain before the wave',
    file: 'coordinator/core/reconcile.ts',
    from: "if (!isDown && !isTurn(state, target, host, 'drain', atMs)) return null",
    to: '',
  },
  {
    name: 'a hold ends before its time',
    file: 'coordinator/core/wanted.ts',
    from: 'hold.end.remainingMs - (atMs - hold.end.asOfMs)',
    to: 'hold.end.remainingMs - 2 * (atMs - hold.end.asOfMs)',
  },
  {
    name: 'progress is done when the hold has arrived',
    file: 'coordinator/core/progress.ts',
    from: "if (has && report?.is === 'drained') {",
    to: 'if (has) {',
  },
  {
    name: 'an undrain of some hosts ends the whole hold',
    file: 'coordinator/core/undrain.ts',
    from: 'released: touched.filter(isWhole).map((hold) => hold.id), narrowed }',
    to: 'released: touched.map((hold) => hold.id), narrowed: [] }',
  },
  {
    name: 'an order of a gate ends later runs of it',
    file: 'agent/core/authority.ts',
    from: 'seq < run.seq',
    to: '(seq < run.seq || seq > run.seq)',
  },
  {
    name: 'the runs of a gate pile up',
    file: 'agent/core/step.ts',
    from: 'return isRun ? [...named, ...earlierRuns(command.holds, holdsOf(duty))] : named',
    to: 'return named',
  },
  {
    name: 'take what the disk would not release for kept',
    file: 'agent/core/orders.ts',
    from: 'const unsure = { ...duty, durable: false }',
    to: 'const unsure = duty',
  },
]
