/** How systemd says that a switch has ended: $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS. */
export interface UnitEnd {
  readonly result: string
  readonly code: string
  readonly status: string
}

export interface SwitchEnd {
  readonly exit: number
  readonly cut: boolean
  readonly ok: boolean
  readonly reason: string
}

const meanings: Readonly<Record<number, string>> = {
  1: 'the switch was refused or died (exit 1)',
  2: 'the activation script failed (exit 2)',
  100: 'only a reboot can do this (exit 100)',
}

/** Whether the new system runs. Units that did not come up (exit 4) are for the health to judge: some never do. */
export function endOfSwitch({ result, code, status }: UnitEnd, current: string | null, system: string): SwitchEnd {
  if (code !== 'exited') {
    const isLate = result === 'timeout'
    const reason = isLate ? 'the switch took longer than it may' : `the switch was cut short (${status || 'unknown'})`
    return { exit: -1, cut: !isLate, ok: false, reason }
  }
  const exit = Number(status)
  const isPlaced = current === system
  if (exit === 0 || exit === 4) {
    const left = exit === 0 ? '' : 'some units did not come up (exit 4)'
    return {
      exit,
      cut: false,
      ok: isPlaced,
      reason: isPlaced ? left : `the switch left ${current ?? 'nothing'} running`,
    }
  }
  return { exit, cut: false, ok: false, reason: meanings[exit] ?? `the switch failed (exit ${status})` }
}
