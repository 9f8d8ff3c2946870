import * as v from 'valibot'
import { duration } from '../duration.ts'
import { selectorText } from '../hold.ts'
import { limits } from '../limits.ts'
import { hostName, printable, spanMs, unitName } from '../names.ts'

// How a fleet is rebuilt, as it stands in the coordinator's configuration and, frozen, in every plan. Spans are milliseconds.

const short = v.pipe(v.string(), v.minLength(1), v.maxLength(limits.messageLength), printable)
/** Milliseconds where a stored plan is read again. */
const span = v.union([duration, spanMs])
const argv = v.pipe(v.array(short), v.minLength(1), v.maxLength(64))
const url = v.pipe(short, v.url())
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
const many = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.maxLength(64))

/** What must hold before anything, or between two waves. One that cannot be evaluated is closed. */
export const gateCheck = v.union([
  /** Holds where the query's first value is not zero; an empty answer is closed. */
  v.strictObject({ promql: short }),
  v.strictObject({ http: url }),
  /** Run on the coordinator's host, as its user. */
  v.strictObject({ exec: argv }),
])
export type GateCheck = v.InferOutput<typeof gateCheck>

const when = v.optional(v.picklist(['drained', 'serving']), 'serving')
/** How a rebuilt host shows that it is well. `from` the coordinator, `{host}` in a text is the host's name. */
export const healthProbe = v.union([
  v.strictObject({ http: url, from: v.optional(v.picklist(['agent', 'coordinator']), 'agent'), when }),
  v.strictObject({
    tcp: v.strictObject({ address: short, port }),
    from: v.optional(v.picklist(['agent', 'coordinator']), 'agent'),
    when,
  }),
  v.strictObject({ unit: unitName, when }),
  v.strictObject({ exec: argv, when }),
  v.strictObject({ promql: short, when }),
])
export type HealthProbe = v.InferOutput<typeof healthProbe>

/** A branch, a tag or nothing behind a flake becomes a revision once, in the plan. */
export const flakeRef = v.pipe(
  short,
  v.regex(/^[^\s#"'`$;&|<>\\]+$/, 'must be a flake reference without # and without quotes'),
)
export const revision = v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/, 'must be 40 hex digits'))
export const storePath = v.pipe(
  v.string(),
  v.maxLength(limits.nameLength),
  v.regex(/^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[A-Za-z0-9+._?=-]+$/, 'must be a path of the Nix store'),
)

export const sourceMode = v.variant('mode', [
  /** Built once, where the plan is made or elsewhere; hosts get store paths. */
  v.strictObject({ mode: v.literal('closure'), flake: v.optional(flakeRef) }),
  /** Every host builds the pinned revision itself before it is drained. */
  v.strictObject({ mode: v.literal('flake'), flake: flakeRef }),
])

export const stage = v.strictObject({
  name: hostName,
  select: selectorText,
  maxParallel: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)), 1),
  soak: v.optional(span, '2m'),
  promote: v.optional(v.picklist(['auto', 'manual']), 'auto'),
  /** "Sun 02:00/3h Europe/Berlin": nothing of the stage begins outside it. */
  window: v.optional(short),
})
export type Stage = v.InferOutput<typeof stage>

/** Run once in a rollout on the coordinator's host, before a stage begins. */
export const hook = v.strictObject({
  name: hostName,
  before: v.pipe(v.string(), v.regex(/^stage:[A-Za-z0-9._-]+$/, 'must be "stage:" and the name of a stage')),
  run: argv,
  /** False: there is no way back after it. */
  reversible: v.optional(v.boolean(), true),
  deadline: v.optional(span, '10m'),
})
export type Hook = v.InferOutput<typeof hook>

export const rolloutPolicy = v.strictObject({
  source: sourceMode,
  stages: v.pipe(v.array(stage), v.minLength(1), v.maxLength(64)),
  drain: v.optional(
    v.strictObject({
      enable: v.optional(v.boolean(), true),
      deadline: v.optional(span, '10m'),
      /** `undrain` gives up the host, `force` goes on with what still runs, `hold` leaves it drained for a person. */
      onDeadline: v.optional(v.picklist(['undrain', 'force', 'hold']), 'undrain'),
    }),
    {},
  ),
  activate: v.optional(
    v.strictObject({
      mode: v.optional(v.picklist(['auto', 'live', 'reboot']), 'auto'),
      deadline: v.optional(span, '10m'),
    }),
    {},
  ),
  reboot: v.optional(
    v.strictObject({
      /** `ask`: only where the rollout was started with leave to reboot. */
      allow: v.optional(v.picklist(['never', 'ask', 'window', 'always']), 'ask'),
      window: v.optional(short),
      /** `require` refuses a host whose loader cannot boot a system once. */
      bootOnce: v.optional(v.picklist(['auto', 'require']), 'auto'),
      deadline: v.optional(span, '15m'),
    }),
    {},
  ),
  health: v.optional(
    v.strictObject({
      settle: v.optional(span, '10s'),
      minHealthy: v.optional(span, '30s'),
      deadline: v.optional(span, '5m'),
      probes: v.optional(v.record(hostName, healthProbe), {}),
    }),
    {},
  ),
  gates: v.optional(
    v.strictObject({ before: v.optional(many(gateCheck), []), between: v.optional(many(gateCheck), []) }),
    {},
  ),
  /** How long after its switch a host waits for the word that it may stay; then it goes back by itself. */
  confirm: v.optional(v.strictObject({ timeout: v.optional(span, '15m') }), {}),
  onFailure: v.optional(
    v.picklist(['rollback-host-and-pause', 'pause', 'rollback-wave', 'rollback-all']),
    'rollback-host-and-pause',
  ),
  maxFailures: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000)), 0),
  /** A host that is longer on its way from its slot to its end is a failure. */
  progressDeadline: v.optional(span, '60m'),
  offline: v.optional(v.picklist(['fail', 'skip']), 'fail'),
  hooks: v.optional(many(hook), []),
  /** When the coordinator's own host has its turn, alone. */
  self: v.optional(v.picklist(['last', 'first']), 'last'),
  /** Told how a rollout ended: the command gets it as JSON on its standard input, the address as a POST. */
  onOutcome: v.optional(v.strictObject({ exec: v.optional(argv), webhook: v.optional(url) }), {}),
})
/** With every default filled in; `duration` texts have become milliseconds. */
export type RolloutPolicy = v.InferOutput<typeof rolloutPolicy>

/** How many of the hosts that match may be out of service at once, whatever the cause. */
export const budget = v.strictObject({
  select: selectorText,
  /** A count, or a share of the hosts that match, rounded down, one at least. */
  maxUnavailable: v.union([
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)),
    v.pipe(v.string(), v.regex(/^([1-9][0-9]?|100)%$/, 'must be a number or a share such as "34%"')),
  ]),
})
export type Budget = v.InferOutput<typeof budget>
