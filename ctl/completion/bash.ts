import { askedKinds, commandWords, firstWords, globalWords, optionsTaking, pathPattern, subcommands } from './words.ts'

export function bashScript(): string {
  return `# bash completion of guardian: source <(guardian completion bash)
_guardian() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= kind= words= word
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${Object.keys(subcommands).join(' ')} --help --version' -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
${fixedCases()}
    ctl) ;;
    *) return ;;
  esac
  for word in "\${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
    case $command/$word in
      ${pathPattern()}) command=\${command:+$command/}$word ;;
    esac
  done
  case $prev in
${valueCases()}
  esac
  if [ -z "$kind" ]; then
    case $command in
${commandCases()}
${groupCases()}
    esac
    case $cur in
      -*) words="$words ${globalWords.flatMap(({ names }) => names).join(' ')}"; kind= ;;
    esac
  fi
  [ -n "$kind" ] && words=$(guardian ctl __complete $kind 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _guardian guardian
`
}

function fixedCases(): string {
  const fixed = Object.entries(subcommands).filter(([, words]) => words.length > 0)
  return fixed
    .map(([name, words]) => `    ${name}) COMPREPLY=($(compgen -f -W '${words.join(' ')}' -- "$cur")); return ;;`)
    .join('\n')
}

function valueCases(): string {
  const asked = askedKinds.filter((kind) => optionsTaking(kind).length > 0)
  return [
    ...asked.map((kind) => `    ${optionsTaking(kind).join('|')}) kind=${kind} ;;`),
    `    ${optionsTaking('file').join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`,
    `    ${optionsTaking('none').join('|')}) return ;;`,
  ].join('\n')
}

function commandCases(): string {
  return commandWords
    .map(({ path, kinds, options }) => {
      const words = options.flatMap(({ names }) => names).join(' ')
      return `      ${path}) words='${words}'${kinds.length === 0 ? '' : `; kind='${kinds.join(' ')}'`} ;;`
    })
    .join('\n')
}

function groupCases(): string {
  return Object.entries(firstWords)
    .map(([group, words]) => `      '${group}') words='${words.map(({ name }) => name).join(' ')}' ;;`)
    .join('\n')
}
