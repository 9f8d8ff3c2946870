/** Lets a bounded number of workers in at once, in the order they came. */
export interface Turns {
  /** Resolves when it is the caller's turn, with what ends the turn; ending it twice does no harm. */
  take(): Promise<() => void>
}

export function createTurns(countMax: number): Turns {
  let taken = 0
  // A set keeps the order and gives up its first without moving the rest.
  const queue = new Set<() => void>()

  function leave(): void {
    taken -= 1
    for (const enter of queue) {
      queue.delete(enter)
      enter()
      return
    }
  }

  function turn(): () => void {
    taken += 1
    let isOver = false
    return () => {
      if (!isOver) leave()
      isOver = true
    }
  }

  return {
    take: () =>
      new Promise((resolve) => {
        if (taken < countMax) resolve(turn())
        else queue.add(() => resolve(turn()))
      }),
  }
}
