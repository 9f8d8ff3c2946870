import { error, type Finding, listed, warning } from './finding.ts'

/** What polkit grants the agent's user. */
export interface RightsFacts {
  readonly user: string
  /** Units that the agent stops. */
  readonly units: readonly string[]
  readonly answer:
    | { readonly is: 'asked'; readonly refused: readonly Right[] }
    /** Root, or a manager of the user's own. */
    | { readonly is: 'not-needed' }
    /** Asked by somebody to whom polkit does not tell it. */
    | { readonly is: 'not-root' }
    | { readonly is: 'no-polkit' }
    | { readonly is: 'unknown'; readonly reason: string }
}

export interface Right {
  readonly verb: string
  readonly unit: string
}

export function rightFindings({ user, units, answer }: RightsFacts): readonly Finding[] {
  const wanted = `polkit lets ${user} start and stop ${listed(units)}, and reset what failed`
  if (answer.is === 'unknown') {
    const found = `whether polkit lets ${user} stop ${listed(units)} could not be asked: ${answer.reason}`
    return [warning('rights-unknown', { found, wanted, run: ['systemctl status polkit'] })]
  }
  if (answer.is === 'no-polkit') {
    const found = `there is no polkit here, so systemd obeys root alone and ${user} can drain nothing`
    return [error('no-polkit', { found, wanted, run: ['apt-get install polkitd', 'guardian install agent'] })]
  }
  if (answer.is !== 'asked' || answer.refused.length === 0) return []
  const found = `polkit does not let ${user} ${listed(answer.refused.map(({ verb, unit }) => `${verb} ${unit}`))}`
  return [error('right-missing', { found, wanted, run: ['guardian install agent'] })]
}
