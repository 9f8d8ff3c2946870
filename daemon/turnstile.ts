/** Lets a few in at a time, in the order they came. */
export interface Turnstile {
  /** Resolves with what gives the place back; rejects with the signal's reason. */
  enter(signal?: AbortSignal): Promise<() => void>
}

/** Whoever keeps a place longer than `patienceMs` goes on, but no longer keeps others out. */
export function createTurnstile(places: number, patienceMs: number): Turnstile {
  let free = places
  // A set keeps the order and lets go of any member at once.
  const queue = new Set<() => void>()

  function take(): () => void {
    free -= 1
    const leave = (): void => {
      if (timer === null) return
      clearTimeout(timer)
      timer = null
      free += 1
      const [next] = queue
      next?.()
    }
    let timer: NodeJS.Timeout | null = setTimeout(leave, patienceMs)
    return leave
  }

  return {
    enter: (signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason)
        if (free > 0) return resolve(take())
        const forget = (): void => {
          queue.delete(admit)
          signal?.removeEventListener('abort', giveUp)
        }
        const admit = (): void => {
          forget()
          resolve(take())
        }
        const giveUp = (): void => {
          forget()
          reject(signal?.reason)
        }
        queue.add(admit)
        signal?.addEventListener('abort', giveUp)
      }),
  }
}
