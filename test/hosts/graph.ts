/** What a host has of a target: the units that ship, as text. */
export interface Graph {
  /** Name of the target in guardian's sense: `io-databases` stands for `io-databases.target`. */
  readonly target: string
  readonly dependents: readonly Dependent[]
  /** Command line of the wait unit; without one, nothing asks before the target opens. */
  readonly wait?: string
  /** Where the agent keeps its markers; default `state/` of the host. */
  readonly stateDir?: string
}

export interface Dependent {
  /** With its suffix, such as `app.service`. */
  readonly unit: string
  /** Lines of its own section; a service without any sleeps. */
  readonly lines?: readonly string[]
  /** The unit that it hangs on: another dependent makes it one of second level. Default: the target. */
  readonly on?: string
  /** `Requires` alone, neither order nor assert: what a careless administrator writes. */
  readonly unguarded?: boolean
  /** Started by the target; default true. */
  readonly wanted?: boolean
}

/** Unit files of a graph, by name. */
export function unitsOf(graph: Graph, stateDir: string): Readonly<Record<string, string>> {
  const target = `${graph.target}.target`
  const wait = `wait-for-${graph.target}.service`
  const marker = `${graph.stateDir ?? stateDir}/drained/${graph.target}`
  const units = {
    [target]: targetUnit({ marker, wait: graph.wait === undefined ? null : wait }),
    ...Object.fromEntries(graph.dependents.map((each) => [each.unit, dependentUnit(each, target, marker)])),
  }
  return graph.wait === undefined ? units : { ...units, [wait]: waitUnit({ target, marker, command: graph.wait }) }
}

function targetUnit({ marker, wait }: { readonly marker: string; readonly wait: string | null }): string {
  return unit({
    Unit: [
      `AssertPathExists=!${marker}`,
      `RequiresMountsFor=${marker}`,
      'StartLimitIntervalSec=0',
      ...(wait === null ? [] : [`Requires=${wait}`, `After=${wait}`]),
    ],
    Install: ['WantedBy=default.target'],
  })
}

function waitUnit(parts: { readonly target: string; readonly marker: string; readonly command: string }): string {
  return unit({
    Unit: [`AssertPathExists=!${parts.marker}`, `PartOf=${parts.target}`, 'StartLimitIntervalSec=0'],
    Service: ['Type=oneshot', 'RemainAfterExit=yes', `ExecStart=${parts.command}`, 'TimeoutStartSec=5min'],
  })
}

function dependentUnit(dependent: Dependent, target: string, marker: string): string {
  const on = dependent.on ?? target
  const kind = dependent.unit.slice(dependent.unit.lastIndexOf('.') + 1)
  const lines = dependent.lines ?? (kind === 'service' ? ['ExecStart=/bin/sleep infinity'] : [])
  return unit({
    Unit: dependent.unguarded ? [`Requires=${on}`] : [`Requires=${on}`, `After=${on}`, `AssertPathExists=!${marker}`],
    ...(kind === 'target' ? {} : { [kind[0]?.toUpperCase() + kind.slice(1)]: lines }),
    ...(dependent.wanted === false ? {} : { Install: [`WantedBy=${on}`] }),
  })
}

/** Text of a unit file from its sections. */
export function unit(sections: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(sections)
    .map(([name, lines]) => `[${name}]\n${lines.map((line) => `${line}\n`).join('')}`)
    .join('\n')
}
