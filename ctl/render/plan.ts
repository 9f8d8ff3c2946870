import type { DrainAnswer, UndrainAnswer } from '../../protocol/api.ts'
import { stillHeldLines } from './hosts.ts'
import { columnsOf, counted, type Style } from './style.ts'

/** What a drain would do. */
export function planLines(style: Style, { hosts, waves }: DrainAnswer): readonly string[] {
  const first = `would drain ${counted(hosts.length, 'host')}; nothing was ordered`
  const position = new Map<string, number>()
  const lines = waves.flatMap(({ target, hosts: members }) => {
    const wave = (position.get(target) ?? 0) + 1
    position.set(target, wave)
    return [`  ${target}, wave ${wave} (${members.length})`, ...columnsOf(style, members, 4)]
  })
  return [first, ...lines]
}

export interface ReleaseView {
  readonly dryRun: boolean
  /** One hold was named; otherwise those within a selection were meant. */
  readonly named: boolean
  readonly force: boolean
}

/** What an undrain did to the holds, or would do. */
export function releaseLines(style: Style, answer: UndrainAnswer, view: ReleaseView): readonly string[] {
  const { dryRun } = view
  const { released, narrowed, stillHeld } = answer
  const verb = dryRun ? 'would release' : 'released'
  const none = released.length === 0 && narrowed.length === 0
  return [
    ...(none ? [`${verb} nothing: ${whyNothing(view)}`] : []),
    ...released.map((id) => `${verb} ${id}`),
    ...narrowed.map(
      ({ hold, except }) =>
        `${dryRun ? 'would take' : 'took'} ${counted(except.length, 'host')} out of ${hold}, which stays on the others`,
    ),
    ...stillHeldLines(style, stillHeld),
    ...(dryRun ? ['nothing was ordered'] : []),
  ]
}

function whyNothing({ named, force }: ReleaseView): string {
  if (named) return 'it was released before'
  return `no hold${force ? '' : ' of an operator'} lies wholly within this selection`
}
