import { commandWords, firstWords, globalWords, type OptionWords, subcommands } from './words.ts'

export function fishScript(): string {
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
    ...Object.entries(firstWords).flatMap(([group, words]) =>
      words.map(
        ({ name, summary }) =>
          `complete -c guardian -n "${seen(group)}; and not ${from}${words.map((one) => one.name).join(' ')}" -a ${name} -d ${quoted(summary)}`,
      ),
    ),
    ...globalWords.map((option) => optionLine(seen(''), option)),
    ...commandWords.flatMap(({ path, kinds, options }) => {
      const here = seen(path)
      const words = kinds.length === 0 ? [] : [`complete -c guardian -n "${here}" -a ${asked(kinds.join(' '))}`]
      return [...words, ...options.map((option) => optionLine(here, option))]
    }),
    '',
  ].join('\n')
}

const from = '__fish_seen_subcommand_from '

/** True behind these words; `guardian ctl status` is another command than `guardian ctl rollout status`. */
function seen(path: string): string {
  const words = path === '' ? [] : path.split('/')
  const groups = Object.keys(firstWords).filter((name) => name !== '')
  const others = path === '' || groups.includes(words[0] ?? '') ? [] : groups.map((name) => `; and not ${from}${name}`)
  return [`${from}ctl`, ...words.map((word) => `; and ${from}${word}`), ...others].join('')
}

function optionLine(condition: string, { names, text, value }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ')
  const needs = value === null ? '' : value === 'file' ? ' -r -F' : value === 'none' ? ' -x' : ` -x -a ${asked(value)}`
  return `complete -c guardian -n "${condition}" ${flags}${needs} -d ${quoted(text)}`
}

function asked(kinds: string): string {
  return `"(guardian ctl __complete ${kinds} 2>/dev/null)"`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`
}
