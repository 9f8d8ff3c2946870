/** A small seeded generator (mulberry32): the whole world draws from one, so a seed replays exactly. */
export class Random {
  #state: number
  #issued = 0

  constructor(seed: number) {
    // Neighbouring seeds must not begin alike.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) ^ 0x85ebca6b
    this.next()
    this.next()
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** An integer, both ends included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.next() * list.length)]
    if (found === undefined) throw new Error('cannot pick from an empty list')
    return found
  }

  some<T>(list: Iterable<T>, probability: number): T[] {
    return [...list].filter(() => this.chance(probability))
  }

  /** 32 hex digits that no other call returns; unique rather than random, which is all that ids need here. */
  hex32(): string {
    this.#issued += 1
    return this.#issued.toString(16).padStart(32, '0')
  }
}
