import type { LinkEvent } from '../../../coordinator/adapters/session.ts'

type Of<Type extends LinkEvent['type']> = Extract<LinkEvent, { type: Type }>

/** Events in their order; `next` takes the first of a type that nobody took. */
export interface LinkEvents {
  readonly all: readonly LinkEvent[]
  emit(event: LinkEvent): void
  count(type: LinkEvent['type']): number
  next<Type extends LinkEvent['type']>(type: Type, fits?: (event: Of<Type>) => boolean): Promise<Of<Type>>
}

export function recordLinks(): LinkEvents {
  const all: LinkEvent[] = []
  const taken = new Set<LinkEvent>()
  let wake: () => void = () => {}
  return {
    all,
    emit(event) {
      all.push(event)
      wake()
    },
    count: (type) => all.filter((event) => event.type === type).length,
    async next<Type extends LinkEvent['type']>(type: Type, fits: (event: Of<Type>) => boolean = () => true) {
      const isWanted = (event: LinkEvent): event is Of<Type> => event.type === type
      for (;;) {
        const found = all.filter(isWanted).find((event) => !taken.has(event) && fits(event))
        if (found !== undefined) {
          taken.add(found)
          return found
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
