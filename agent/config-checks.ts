import type * as v from 'valibot'
import type { AgentFile } from './config.ts'

/** One refusal of a config whose fields are each fine: where in the file, and why. */
export interface Refusal {
  readonly message: string
  /** What was found there. */
  readonly input: unknown
  readonly path: [v.UnknownPathItem, ...v.UnknownPathItem[]]
}

/** Everything that is wrong between the fields of a config. */
export function crossCheck(config: AgentFile): readonly Refusal[] {
  return [...keyRefusals(config), ...targetRefusals(config)]
}

function* keyRefusals(config: AgentFile): Generator<Refusal> {
  if (config.acceptV1 && config.v1PskFile === undefined) {
    const message = 'needs v1PskFile: a file with a key of its own, which v1 sends as it is, or "shared"'
    yield refuse(config, ['acceptV1'], config.acceptV1, message)
  }
  if (config.v1PskFile === 'shared' && config.tls !== undefined && config.pskFile === undefined) {
    yield refuse(config, ['v1PskFile'], config.v1PskFile, 'has nothing to share: tls is used without pskFile')
  }
}

function* targetRefusals(config: AgentFile): Generator<Refusal> {
  const known = Object.keys(config.resources)
  const owners = new Map<string, string>()
  for (const [name, { unit = `${name}.target`, needs }] of Object.entries(config.targets ?? {})) {
    const owner = owners.get(unit)
    if (owner !== undefined) {
      yield refuse(config, ['targets', name, 'unit'], unit, `is already that of target ${owner}; each needs its own`)
    }
    owners.set(unit, name)
    for (const [index, need] of needs.entries()) {
      if (known.includes(need)) continue
      const there = known.length === 0 ? 'there is none' : `there is ${known.join(', ')}`
      yield refuse(config, ['targets', name, 'needs', index], need, `must be one of resources; ${there}`)
    }
  }
}

function refuse(
  config: AgentFile,
  keys: readonly [string | number, ...(string | number)[]],
  input: unknown,
  message: string,
): Refusal {
  const item = (key: string | number): v.UnknownPathItem => ({
    type: 'unknown',
    origin: 'value',
    input: config,
    key,
    value: null,
  })
  const [first, ...rest] = keys
  return { message, input, path: [item(first), ...rest.map(item)] }
}
