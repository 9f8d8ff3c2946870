import { Command, CommanderError } from 'commander'
import { exitTexts } from './exit.ts'
import { type CommandRow, commands, globalOptions } from './table.ts'
import type { World } from './world.ts'

/** What the command line asks for. */
export type Asked =
  | { readonly is: 'command'; readonly row: CommandRow; readonly args: readonly string[]; readonly options: unknown }
  /** Help was shown, or the usage was wrong and is explained. */
  | { readonly is: 'answered'; readonly exit: 0 | 2 }

/** Reads the command line; nothing is run yet. */
export function readCommandLine(argv: readonly string[], world: World): Asked {
  const asked: { row: CommandRow; args: readonly string[]; options: unknown }[] = []
  const program = programOf(world, (row, args, options) => asked.push({ row, args, options }))
  try {
    program.parse([...argv], { from: 'user' })
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    return { is: 'answered', exit: cause.exitCode === 0 ? 0 : 2 }
  }
  const [first] = asked
  return first === undefined ? { is: 'answered', exit: 2 } : { is: 'command', ...first }
}

type Chosen = (row: CommandRow, args: readonly string[], options: unknown) => void

function programOf(world: World, chosen: Chosen): Command {
  const program = new Command('guardian ctl')
    .description('Watches a fleet, and drains and undrains its hosts.')
    .exitOverride()
    .showHelpAfterError('(guardian ctl --help shows all commands)')
    .configureHelp({ showGlobalOptions: true, helpWidth: Math.min(100, Math.max(60, world.out.columns)) })
    .configureOutput({
      writeOut: (text) => world.out.write(text),
      writeErr: (text) => world.err.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', exitHelp)
  for (const { flags, text } of globalOptions) program.option(flags, text)
  for (const row of commands) addCommand(program, row, chosen)
  return program
}

function addCommand(program: Command, row: CommandRow, chosen: Chosen): void {
  const command = program
    .command(row.name)
    .description([row.summary, ...row.more].join('\n\n'))
    .summary(row.summary)
  if (row.argument !== '') command.argument(row.argument, row.argumentText)
  for (const { flags, text } of row.options) command.option(flags, text)
  const examples = row.examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`)
  command.addHelpText('after', `\nExamples:\n${examples.join('\n')}\n`)
  command.action(() => chosen(row, command.args, command.optsWithGlobals()))
}

const exitHelp = `
Exit codes:
${Object.entries(exitTexts)
  .map(([code, text]) => `  ${code}  ${text}`)
  .join('\n')}

Examples:
  guardian ctl status
  guardian ctl drain --host web1 -m "new kernel"
  guardian ctl undrain --host web1
  guardian ctl drain --help
`
