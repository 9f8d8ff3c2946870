import {
  askedKinds,
  commandWords,
  firstWords,
  globalWords,
  type OptionWords,
  optionsTaking,
  pathPattern,
  subcommands,
} from './words.ts'

export function zshScript(): string {
  return `#compdef guardian
# zsh completion of guardian: guardian completion zsh > "\${fpath[1]}/_guardian"
_guardian() {
  local command= kind= word cur=\${words[CURRENT]} prev=\${words[CURRENT-1]}
  local -a offered
  if (( CURRENT == 2 )); then
    compadd -- ${Object.keys(subcommands).join(' ')} --help --version
    return
  fi
  case \${words[2]} in
${fixedCases()}
    ctl) ;;
    *) return ;;
  esac
  for word in \${words[3,CURRENT-1]}; do
    case $command/$word in
      ${pathPattern()}) command=\${command:+$command/}$word ;;
    esac
  done
  case $prev in
${valueCases()}
  esac
  if [[ -z $kind ]]; then
    case $command in
${commandCases()}
${groupCases()}
    esac
    if [[ $cur == -* ]]; then
      offered+=(${described(globalWords)})
      kind=
    fi
  fi
  if [[ -n $kind ]]; then
    compadd -- \${(f)"$(guardian ctl __complete \${=kind} 2>/dev/null)"}
  else
    _describe guardian offered
  fi
}
if [ "$funcstack[1]" = "_guardian" ]; then _guardian "$@"; else compdef _guardian guardian; fi
`
}

function fixedCases(): string {
  const fixed = Object.entries(subcommands).filter(([, words]) => words.length > 0)
  return fixed.map(([name, words]) => `    ${name}) compadd -- ${words.join(' ')}; _files; return ;;`).join('\n')
}

function valueCases(): string {
  const asked = askedKinds.filter((kind) => optionsTaking(kind).length > 0)
  return [
    ...asked.map((kind) => `    ${optionsTaking(kind).join('|')}) kind=${kind} ;;`),
    `    ${optionsTaking('file').join('|')}) _files; return ;;`,
    `    ${optionsTaking('none').join('|')}) return ;;`,
  ].join('\n')
}

function commandCases(): string {
  return commandWords
    .map(
      ({ path, kinds, options }) =>
        `      ${path}) offered=(${described(options)})${kinds.length === 0 ? '' : `; kind='${kinds.join(' ')}'`} ;;`,
    )
    .join('\n')
}

function groupCases(): string {
  return Object.entries(firstWords)
    .map(([group, words]) => {
      const offered = words.map(({ name, summary }) => quoted(`${name}:${summary.replaceAll(':', '\\:')}`))
      return `      '${group}') offered=(${offered.join(' ')}) ;;`
    })
    .join('\n')
}

function described(options: readonly OptionWords[]): string {
  return options
    .flatMap(({ names, text }) => names.map((name) => quoted(`${name}:${text.replaceAll(':', '\\:')}`)))
    .join(' ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
