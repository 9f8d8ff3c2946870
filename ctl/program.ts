import { Command, CommanderError } from 'commander'
import { commonExits } from './exit.ts'
import { type CommandGroup, type CommandRow, commands, type Exits, globalOptions, groups } from './table.ts'
import type { World } from './world.ts'

/** What the command line asks for. */
export type Asked =
  | {
      readonly is: 'command'
      readonly row: CommandRow
      readonly args: readonly string[]
      readonly options: unknown
      readonly exits: Exits
    }
  /** Help was shown, or the usage was wrong and is explained. */
  | { readonly is: 'answered'; readonly exit: 0 | 2 }

/** Reads the command line; nothing is run yet. */
export async function readCommandLine(argv: readonly string[], world: World): Promise<Asked> {
  const asked: Extract<Asked, { is: 'command' }>[] = []
  const program = programOf(world)
  for (const row of commands) addCommand(program, row, (one) => asked.push({ ...one, exits: commonExits }))
  for (const group of groups) {
    const parent = program.command(group.name).summary(group.summary)
    // The others only need their name in the list of commands.
    if (argv.includes(group.name)) await fillGroup(parent, group, (one) => asked.push(one))
  }
  try {
    program.parse([...argv], { from: 'user' })
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    return { is: 'answered', exit: cause.exitCode === 0 ? 0 : 2 }
  }
  return asked[0] ?? { is: 'answered', exit: 2 }
}

function programOf(world: World): Command {
  const program = new Command('guardian ctl')
    .description('Watches a fleet, drains and undrains its hosts, and rebuilds them in stages.')
    .exitOverride()
    .showHelpAfterError('(guardian ctl --help shows all commands)')
    .configureHelp({ showGlobalOptions: true, helpWidth: Math.min(100, Math.max(60, world.out.columns)) })
    .configureOutput({
      writeOut: (text) => world.out.write(text),
      writeErr: (text) => world.err.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', `${exitHelp(commonExits)}${exampleHelp(examples)}`)
  for (const { flags, text } of globalOptions) program.option(flags, text)
  return program
}

async function fillGroup(
  parent: Command,
  group: CommandGroup,
  chosen: (asked: Extract<Asked, { is: 'command' }>) => void,
): Promise<void> {
  const { commands: rows, description, exits, examples: lines } = await group.load()
  parent.description(description.join('\n\n')).addHelpText('after', `${exitHelp(exits)}${exampleHelp(lines)}`)
  for (const row of rows) addCommand(parent, row, (one) => chosen({ ...one, exits }))
}

type Chosen = (asked: Omit<Extract<Asked, { is: 'command' }>, 'exits'>) => void

function addCommand(parent: Command, row: CommandRow, chosen: Chosen): void {
  const command = parent
    .command(row.name)
    .description([row.summary, ...(row.more ?? [])].join('\n\n'))
    .summary(row.summary)
  for (const { flags, text } of row.words) command.argument(flags, text)
  for (const { flags, text, many } of row.options) {
    if (many === true) command.option(flags, text, (word, before: readonly string[] = []) => [...before, word])
    else command.option(flags, text)
  }
  const lines = row.examples.map(([line, meaning]) => `${line}\n      ${meaning}`)
  command.addHelpText('after', exampleHelp(lines))
  command.action(() => chosen({ is: 'command', row, args: command.args, options: command.optsWithGlobals() }))
}

function exitHelp({ texts }: Exits): string {
  const codes = Object.entries(texts)
  const width = Math.max(...codes.map(([code]) => code.length))
  return `\nExit codes:\n${codes.map(([code, text]) => `  ${code.padEnd(width)}  ${text}`).join('\n')}\n`
}

function exampleHelp(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}

const examples = [
  'guardian ctl status',
  'guardian ctl drain --host web1 -m "new kernel"',
  'guardian ctl undrain --host web1',
  'guardian ctl rollout plan',
  'guardian ctl drain --help',
]
