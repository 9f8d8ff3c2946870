import { setTimeout as wait } from 'node:timers/promises'

/** Asks again and again until the answer is not false, and fails with the condition's name at the deadline. */
export async function until<T>(
  condition: string,
  ask: () => Promise<T | false> | T | false,
  { limitMs = 30_000, everyMs = 10 }: { readonly limitMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${condition}`)
    await wait(everyMs)
  }
}
