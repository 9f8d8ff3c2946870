import * as agentBegin from '../../agent/core/begin.ts'
import * as agentReport from '../../agent/core/report.ts'
import * as agentStep from '../../agent/core/step.ts'
import * as fleetBegin from '../../coordinator/core/begin.ts'
import * as fleetProgress from '../../coordinator/core/progress.ts'
import * as fleetStep from '../../coordinator/core/step.ts'

/** The two cores that a run is made with: the real ones, or a copy with one line changed on purpose. */
export interface Cores {
  readonly agentBegin: Pick<typeof agentBegin, 'begin'>
  readonly agentStep: Pick<typeof agentStep, 'step'>
  readonly agentReport: Pick<typeof agentReport, 'reportOf'>
  readonly fleetBegin: Pick<typeof fleetBegin, 'begin'>
  readonly fleetStep: Pick<typeof fleetStep, 'step'>
  readonly fleetProgress: Pick<typeof fleetProgress, 'drainProgress' | 'undrainProgress'>
}

export const realCores: Cores = { agentBegin, agentStep, agentReport, fleetBegin, fleetStep, fleetProgress }
