import { type ApiClient, createApiClient } from '../daemon/api-client.ts'
import type { Style } from './render/style.ts'
import { placeOf, type Settings } from './settings.ts'
import type { Terminal, World } from './world.ts'

/** What a command runs in. */
export interface Context {
  readonly world: World
  readonly settings: Settings
  readonly style: Style
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  client(): Promise<ApiClient>
  print(lines: readonly string[]): void
  printJson(value: unknown): void
}

/** One subcommand. Resolves with the exit code. */
export type Run = (context: Context, args: readonly string[], options: unknown) => Promise<number>

export function createContext(world: World, settings: Settings, signal: AbortSignal): Context {
  return {
    world,
    settings,
    style: styleOf(world.out, world.env),
    signal,
    client: async () => createApiClient(await placeOf(settings)),
    print(lines) {
      if (lines.length > 0) world.out.write(`${lines.join('\n')}\n`)
    },
    printJson: (value) => world.out.write(`${JSON.stringify(value)}\n`),
  }
}

/** Colour only on a terminal that has it and where NO_COLOR is not set; `COLUMNS` counts where it is no terminal. */
export function styleOf(terminal: Terminal, env: World['env']): Style {
  const noColor = env.NO_COLOR !== undefined && env.NO_COLOR !== ''
  const asked = Number(env.COLUMNS)
  const columns = terminal.isTTY || !Number.isInteger(asked) || asked < 1 ? terminal.columns : asked
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || ''
  return {
    columns: Math.max(40, columns),
    color: terminal.isTTY && !noColor && env.TERM !== 'dumb',
    unicode: /utf-?8/i.test(locale),
  }
}
