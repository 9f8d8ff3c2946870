import type { WordKind } from '../table.ts'
import { commandWords, globalWords, type OptionWords, subcommands } from './words.ts'

export function fishScript(): string {
  const names = commandWords.map(({ name }) => name).join(' ')
  const first = Object.keys(subcommands).join(' ')
  return [
    '# fish completion of guardian: guardian completion fish > ~/.config/fish/completions/guardian.fish',
    'complete -c guardian -f',
    `complete -c guardian -n "not __fish_seen_subcommand_from ${first}" -a "${first}"`,
    ...Object.entries(subcommands)
      .filter(([, words]) => words.length > 0)
      .map(
        ([name, words]) => `complete -c guardian -n "__fish_seen_subcommand_from ${name}" -F -a "${words.join(' ')}"`,
      ),
    ...commandWords.map(
      ({ name, summary }) =>
        `complete -c guardian -n "__fish_seen_subcommand_from ctl; and not __fish_seen_subcommand_from ${names}" -a ${name} -d ${quoted(summary)}`,
    ),
    ...globalWords.map((option) => optionLine('__fish_seen_subcommand_from ctl', option)),
    ...commandWords.flatMap(({ name, argument, options }) => {
      const here = `__fish_seen_subcommand_from ctl; and __fish_seen_subcommand_from ${name}`
      const words = argument === 'none' ? [] : [`complete -c guardian -n "${here}" -a ${asked(argument)}`]
      return [...words, ...options.map((option) => optionLine(here, option))]
    }),
    '',
  ].join('\n')
}

function optionLine(condition: string, { names, text, value }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ')
  const needs = value === null ? '' : value === 'file' ? ' -r -F' : value === 'none' ? ' -x' : ` -x -a ${asked(value)}`
  return `complete -c guardian -n "${condition}" ${flags}${needs} -d ${quoted(text)}`
}

function asked(kind: WordKind): string {
  return `"(guardian ctl __complete ${kind} 2>/dev/null)"`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`
}
