// An agent that changes all the time sends 20 reports a second, and what it says of orders comes on top.
const perSecond = 200
const atOnce = 1_000

/** Whether one more message is within what an honest agent says; a flood would take the time that all links share. */
export class Allowance {
  #left = atOnce
  #atMs = performance.now()

  take(): boolean {
    const nowMs = performance.now()
    this.#left = Math.min(atOnce, this.#left + ((nowMs - this.#atMs) / 1_000) * perSecond) - 1
    this.#atMs = nowMs
    return this.#left >= 0
  }
}
