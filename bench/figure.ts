/** What was measured under one key: medians of interleaved runs. */
export interface Figure {
  readonly key: string
  readonly value: number
  /** What the value is held against, measured in the same run. */
  readonly reference: number
  readonly ratio: number
  readonly runs: number
}

/** Runs of the thing itself and of its reference, in the order in which they were made. */
export interface Runs {
  readonly values: readonly number[]
  readonly references: readonly number[]
}

/** Runs that are still being made. */
export function newRuns(): { readonly values: number[]; readonly references: number[] } {
  return { values: [], references: [] }
}

export function figureOf(key: string, { values, references }: Runs): Figure {
  const value = median(values)
  const reference = median(references)
  return {
    key,
    value: rounded(value),
    reference: rounded(reference),
    ratio: rounded(value / reference),
    runs: values.length,
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (sorted.length - 1) / 2
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
