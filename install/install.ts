import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { GuardianError } from '../protocol/errors.ts'
import { agentFacts } from './agent-facts.ts'
import { planAgent } from './agent-plan.ts'
import { type Change, carryOut, changesFor } from './change.ts'
import { type Command, commandsFor, daemons, type Running } from './commands.ts'
import { coordinatorSight } from './coordinator-facts.ts'
import { type Gate, gateUnitOf, planCoordinator } from './coordinator-plan.ts'
import { type Machine, openMachine } from './machine.ts'
import { afterAgent, afterCoordinator } from './next-steps.ts'
import type { Plan, Role } from './plan.ts'
import { openShipped } from './shipped.ts'
import { openWorld, refuseHidden, type World } from './world.ts'

const help = `Makes this machine a host of the fleet, or the one that coordinates it: units, users, rights, directories.

Usage: guardian install agent [--dependent UNIT]… [--target NAME] [--rebuild] [--dry-run] [--prefix DIR]
       guardian install coordinator [--gate RESOURCE=UNIT]… [--dry-run] [--prefix DIR]

  --dependent UNIT      this unit is to stop and start with the target, may be repeated; its timer, its
                        socket and its path come along
  --target NAME         which target, where agent.json has several
  --rebuild             also the root helper with which a coordinator may rebuild this host (NixOS); it does
                        nothing before rebuild.json and agent.json say so
  --gate RESOURCE=UNIT  the unit that holds the data of a resource with "gate": "local"; may be repeated,
                        also for one resource. PostgreSQL and Redis are found by themselves
  --dry-run             say what would be done, with the text of each file, and do nothing
  --prefix DIR          lay the files out below DIR, as for an image, and run nothing

It asks nothing, may be run again at any time, and never writes over a configuration or a key. After
a change of targets or gates in /etc/guardian run it again, before the daemon reads the change.

Exit codes: 0 done, or nothing to do · 1 a command failed · 2 wrong usage or configuration · 6 not root
`

/** `guardian install`; `argv` is what follows it. */
export async function main(argv: readonly string[]): Promise<void> {
  const asked = readOptions(argv)
  if (asked === 'help') {
    process.stdout.write(help)
    return
  }
  await install(asked, openWorld())
}

export interface Asked {
  readonly role: Role
  readonly dryRun: boolean
  /** Empty for this machine. */
  readonly prefix: string
  readonly dependents: readonly string[]
  readonly target: string | undefined
  readonly rebuild: boolean
  readonly gates: ReadonlyMap<string, readonly string[]>
}

interface Sight {
  readonly plan: Plan
  readonly gates: readonly Gate[]
  readonly keyFile: string | null
  readonly steps: (machine: Machine) => Promise<readonly string[]>
}

export async function install(asked: Asked, world: World): Promise<void> {
  if (asked.prefix === '') refuseHidden(world)
  if (!world.isRoot && !asked.dryRun && asked.prefix === '') throw notRoot('install')
  const machine = openMachine(asked.prefix)
  const { plan, gates, keyFile, steps } = await (asked.role === 'agent' ? lookAgent : lookCoordinator)(
    machine,
    asked,
    world,
  )
  const changes = await changesFor(machine, plan)
  const running = await runningOn(machine, asked.role, gates, world)
  const isReady = keyFile === null || (await machine.has(keyFile))
  const commands = commandsFor({ role: asked.role, changes, running, isReady, gates })
  if (changes.length + commands.length === 0) world.say('nothing to change')
  if (asked.dryRun) show(world, changes, commands)
  else await doAll(machine, world, { changes, commands })
  for (const step of await steps(machine)) world.say(`next: ${step}`)
  tellHidden(machine, world)
}

/** Only a dry run gets so far without being root. */
export function tellHidden({ hidden }: Machine, { say }: World): void {
  if (hidden.size > 0) say(`next: run it as root to be sure: ${[...hidden].join(', ')} may not be looked at`)
}

async function lookAgent(machine: Machine, asked: Asked, world: World): Promise<Sight> {
  const { dependents, target, rebuild } = asked
  const { program, notifies } = world
  const host = hostname().split('.')[0] || 'localhost'
  const facts = await agentFacts(machine, {
    program,
    notifies,
    host,
    shipped: openShipped(),
    dependents,
    target,
    rebuild,
  })
  const keyFile = facts.credential ? '/etc/guardian/psk' : null
  return { plan: planAgent(facts), gates: [], keyFile, steps: (after) => afterAgent(after, facts) }
}

async function lookCoordinator(machine: Machine, { gates }: Asked, world: World): Promise<Sight> {
  const { program, notifies } = world
  const sight = await coordinatorSight(machine, { program, notifies, shipped: openShipped(), gates })
  const { facts } = sight
  const keyFile = facts.credential ? '/etc/guardian/fleet.key' : null
  const steps = (after: Machine) => afterCoordinator(after, sight)
  return { plan: planCoordinator(facts), gates: facts.gates, keyFile, steps }
}

async function runningOn(
  machine: Machine,
  role: Role,
  gates: readonly Gate[],
  { systemd, run }: World,
): Promise<Running> {
  if (machine.prefix !== '' || !systemd) {
    return { systemd: false, active: new Set(), hasUsers: false, hasGateDir: false }
  }
  const gateUnits = gates.flatMap(({ resource, units }) => [gateUnitOf(resource), ...units])
  const units = [daemons[role], 'io-database-coordinator.service', ...gateUnits]
  const { out } = await run(['systemctl', 'is-active', ...units])
  const states = out.split('\n')
  const users = (await machine.read('/etc/passwd')) ?? ''
  const user = role === 'agent' ? 'io-guardian' : 'io-guardian-coordinator'
  return {
    systemd: true,
    active: new Set(units.filter((_, at) => states[at] === 'active')),
    hasUsers: users.split('\n').some((line) => line.startsWith(`${user}:`)),
    hasGateDir: await machine.has('/run/io-guardian-gate'),
  }
}

function show({ say }: World, changes: readonly Change[], commands: readonly Command[]): void {
  for (const change of changes) {
    if (change.type === 'link') say(`would link ${change.path} -> ${change.to}`)
    else if (change.type === 'remove') say(`would remove ${change.path}`)
    else say(`would write ${change.path}\n${change.text.trimEnd().replaceAll(/^(?=.)/gm, '    ')}`)
  }
  for (const command of commands) say(`would run ${command.join(' ')}`)
}

const done = { write: 'wrote', link: 'linked', remove: 'removed' } as const

interface Work {
  readonly changes: readonly Change[]
  readonly commands: readonly Command[]
}

async function doAll(machine: Machine, world: World, { changes, commands }: Work): Promise<void> {
  // Root's own may be tighter, and the daemons have to read what is written.
  process.umask(0o022)
  for (const change of changes) {
    await carryOut(machine, change)
    world.say(`${done[change.type]} ${change.path}`)
  }
  for (const command of commands) await mustRun(world, command)
}

/** @throws GuardianError with what the command said */
export async function mustRun({ run, say }: World, command: Command): Promise<void> {
  const { code, err } = await run(command)
  if (code !== 0) throw new GuardianError('internal', `"${command.join(' ')}" failed: ${err.trim()}`)
  say(`ran ${command.join(' ')}`)
}

export function notRoot(verb: string): GuardianError {
  return new GuardianError('forbidden', `guardian ${verb} changes this machine: run it as root, or with --dry-run`)
}

/** @throws GuardianError `bad-request` */
export function readOptions(argv: readonly string[]): Asked | 'help' {
  const { values, positionals } = parse(argv)
  if (values.help === true) return 'help'
  const [role, ...rest] = positionals
  if ((role !== 'agent' && role !== 'coordinator') || rest.length > 0) {
    throw wrong('say "guardian install agent" or "guardian install coordinator"')
  }
  const { dependent = [], target, gate = [], prefix = '', rebuild = false } = values
  if (values.prefix === '') throw wrong('--prefix needs a directory')
  if (role === 'agent' && gate.length > 0) throw wrong('--gate is for "guardian install coordinator"')
  if (role === 'coordinator' && (dependent.length > 0 || target !== undefined || rebuild)) {
    throw wrong('--dependent, --target and --rebuild are for "guardian install agent"')
  }
  const dryRun = values['dry-run'] === true
  return { role, dryRun, prefix, dependents: dependent, target, rebuild, gates: gatesOf(gate) }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        dependent: { type: 'string', multiple: true },
        target: { type: 'string' },
        rebuild: { type: 'boolean' },
        gate: { type: 'string', multiple: true },
        prefix: { type: 'string' },
        'dry-run': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    })
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}

function gatesOf(texts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const gates = new Map<string, readonly string[]>()
  for (const text of texts) {
    const [resource = '', unit = '', ...rest] = text.split('=')
    if (resource === '' || !/^[^\s/]+\.\w+$/.test(unit) || rest.length > 0) {
      throw wrong(`--gate ${text}: say RESOURCE=UNIT, such as postgresql=postgresql@15-main.service`)
    }
    gates.set(resource, [...(gates.get(resource) ?? []), unit])
  }
  return gates
}

function wrong(text: string): GuardianError {
  return new GuardianError('bad-request', `guardian install: ${text}; see --help`)
}
