const buckets = 128

/**
 * A map for thousands of hosts whose changed copy shares all but one of its buckets, so that a state can be replaced
 * whole at every event without copying every host.
 */
export class Table<Value> {
  readonly #buckets: readonly ReadonlyMap<string, Value>[]
  readonly size: number

  private constructor(content: readonly ReadonlyMap<string, Value>[], size: number) {
    this.#buckets = content
    this.size = size
  }

  static of<Value>(entries: Iterable<readonly [string, Value]> = []): Table<Value> {
    const content = new Array<Map<string, Value>>(buckets).fill(new Map())
    const [empty] = content
    for (const [key, value] of entries) {
      const at = bucketOf(key)
      const bucket = content[at]
      if (bucket === undefined || bucket === empty) content[at] = new Map([[key, value]])
      else bucket.set(key, value)
    }
    return new Table(
      content,
      content.reduce((sum, bucket) => sum + bucket.size, 0),
    )
  }

  get(key: string): Value | undefined {
    return this.#buckets[bucketOf(key)]?.get(key)
  }

  has(key: string): boolean {
    return this.#buckets[bucketOf(key)]?.has(key) === true
  }

  with(key: string, value: Value): Table<Value> {
    if (this.get(key) === value && this.has(key)) return this
    const bucket = new Map(this.#buckets[bucketOf(key)]).set(key, value)
    return new Table(this.#buckets.with(bucketOf(key), bucket), this.size + (this.has(key) ? 0 : 1))
  }

  without(key: string): Table<Value> {
    if (!this.has(key)) return this
    const bucket = new Map(this.#buckets[bucketOf(key)])
    bucket.delete(key)
    return new Table(this.#buckets.with(bucketOf(key), bucket), this.size - 1)
  }

  *[Symbol.iterator](): Generator<readonly [string, Value]> {
    for (const bucket of this.#buckets) yield* bucket
  }

  *keys(): Generator<string> {
    for (const bucket of this.#buckets) yield* bucket.keys()
  }

  *values(): Generator<Value> {
    for (const bucket of this.#buckets) yield* bucket.values()
  }
}

// FNV-1a: short, and even over names such as web1 … web5000.
function bucketOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return (hash >>> 0) % buckets
}
