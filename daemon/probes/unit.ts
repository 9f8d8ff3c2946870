import type { ProbeExtras, UnitSpec, Verdict } from '../probe.ts'

/** Ready = systemd calls the unit active. */
export async function checkUnit(spec: UnitSpec, extras: ProbeExtras): Promise<Verdict> {
  if (extras.unitState === undefined) return { ready: false, reason: 'no systemd to ask for units here' }
  const state = await extras.unitState(spec.unit)
  return { ready: state === 'active', reason: `${spec.unit} is ${state}` }
}
