import type { Run } from './context.ts'

/** What a word on the command line names, so that a shell can complete it. */
export type WordKind = 'host' | 'target' | 'selector' | 'hold' | 'rollout' | 'policy' | 'file' | 'none'

export interface OptionRow {
  /** As commander reads it: `-m, --message <REASON>`. */
  readonly flags: string
  readonly text: string
  readonly kind?: WordKind
  /** It may be given again and again, and is read as a list. */
  readonly many?: true
}

export interface ArgumentRow {
  /** As commander reads it: `[TARGET]` or `<NAME>`. */
  readonly flags: string
  readonly text: string
  readonly kind: WordKind
}

export interface CommandRow {
  readonly name: string
  readonly words: readonly ArgumentRow[]
  readonly summary: string
  readonly more?: readonly string[]
  readonly options: readonly OptionRow[]
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  readonly load: () => Promise<{ readonly run: Run }>
}

/** Commands behind a word of their own, `guardian ctl rollout plan`; loaded where that word is asked for. */
export interface CommandGroup {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<GroupRows>
}

export interface GroupRows {
  readonly description: readonly string[]
  readonly commands: readonly CommandRow[]
  /** Exit codes that mean something else than for all other commands. */
  readonly exits: Exits
  readonly examples: readonly string[]
}

export interface Exits {
  readonly texts: Readonly<Record<number, string>>
  /** Ctrl-C before anything was ordered. */
  readonly interrupted: number
  readonly ofCause: (cause: unknown) => number
}

export const globalOptions: readonly OptionRow[] = [
  { flags: '--json', text: 'answer in JSON on stdout' },
  { flags: '--socket <PATH>', text: "the coordinator's socket (GUARDIAN_SOCKET)", kind: 'file' },
  { flags: '--url <URL>', text: 'the coordinator elsewhere, http://host:9877 (GUARDIAN_URL)' },
  { flags: '--token-file <FILE>', text: 'token for --url (GUARDIAN_TOKEN_FILE)', kind: 'file' },
  {
    flags: '--timeout <TIME>',
    text: 'how long to wait in all: 90s, 5min; default 30min for drain and 5min for undrain, with --direct 90s for both; 10s for status and ping; none for a rollout',
  },
  { flags: '--direct', text: 'speak to agents, without a coordinator' },
  { flags: '--hosts <LIST>', text: 'with --direct: NAME, NAME:PORT or NAME=ADDRESS[:PORT], by comma (GUARDIAN_HOSTS)' },
  { flags: '--port <PORT>', text: 'with --direct: port of the agents, 9876 (GUARDIAN_PORT)' },
  { flags: '--psk-file <FILE>', text: 'with --direct: the key (GUARDIAN_PSK_FILE)', kind: 'file' },
  { flags: '--derived', text: "with --direct: the file has the fleet's key, each host its own derived from it" },
  { flags: '--v1', text: "with --direct: speak IO Guardian's protocol, which sends the key in clear" },
]

const wait: readonly OptionRow[] = [
  { flags: '--no-wait', text: 'order it and return, without waiting for any host' },
  { flags: '--dry-run', text: 'say what would happen, change nothing' },
  { flags: '--trust-v1', text: 'take the word of hosts that can only acknowledge (v1)' },
]
const hostOption: OptionRow = {
  flags: '--host <SEL>',
  text: 'hosts: name, glob, @tag, a,b (either), a&b (both), !x (not); default all',
  kind: 'selector',
}

export const commands: readonly CommandRow[] = [
  {
    name: 'status',
    words: [],
    summary: 'the fleet at a glance: resources, holds, and each host that is not as wanted',
    options: [{ flags: '-w, --watch', text: 'draw it again at each change, until Ctrl-C' }],
    examples: [
      ['guardian ctl status', 'one look'],
      ['guardian ctl status --json | jq .holds', 'for a script'],
      ['guardian ctl --direct --hosts web1,web2 --psk-file psk status', 'ask agents themselves'],
    ],
    load: () => import('./command/status.ts'),
  },
  {
    name: 'drain',
    words: [{ flags: '[TARGET]', text: 'the target; default every target of the fleet', kind: 'target' }],
    summary: 'take a hold: stop the target and all that depends on it, and keep it stopped until undrain',
    more: ['Ctrl-C stops watching only (exit 9): the drain goes on, and how to undo it is shown.'],
    options: [
      hostOption,
      { flags: '-m, --message <REASON>', text: 'why, for whoever asks later' },
      { flags: '--for <TIME>', text: 'release it again after this time, 2h' },
      ...wait,
      { flags: '-y, --yes', text: 'do not ask before draining the whole fleet' },
    ],
    examples: [
      ['guardian ctl drain --host web1 -m "new kernel"', 'one host, every target'],
      ['guardian ctl drain io-databases --host "@web&!web3" --dry-run', 'who would be drained, in which waves'],
      ['guardian ctl drain --yes --for 2h', 'the whole fleet, for two hours at most'],
    ],
    load: () => import('./command/drain.ts'),
  },
  {
    name: 'undrain',
    words: [{ flags: '[TARGET]', text: 'the target; default every target of the fleet', kind: 'target' }],
    summary: "release the operators' holds on these hosts, and wait until they are open",
    more: ['Holds of gates and of others stay, and are named. Ctrl-C stops watching only (exit 9).'],
    options: [
      hostOption,
      {
        flags: '--hold <ID>',
        text: 'release this one hold, whoever owns it; its first signs are enough',
        kind: 'hold',
      },
      { flags: '--force', text: 'in an emergency: take these hosts out of every hold, a gate’s too' },
      ...wait,
    ],
    examples: [
      ['guardian ctl undrain --host web1', 'after the maintenance of one host'],
      ['guardian ctl undrain --hold 3f2a90c1', 'one hold of "guardian ctl holds"'],
      ['guardian ctl --direct --hosts web1 --psk-file psk undrain', 'releases holds of --direct drains only'],
    ],
    load: () => import('./command/undrain.ts'),
  },
  {
    name: 'holds',
    words: [],
    summary: 'why anything is drained: every hold with its owner, age, hosts and message',
    options: [],
    examples: [['guardian ctl holds', 'with the whole ids, for undrain --hold']],
    load: () => import('./command/holds.ts'),
  },
  {
    name: 'hosts',
    words: [{ flags: '[SEL]', text: 'which hosts; default all', kind: 'selector' }],
    summary: 'every host with its address, tags, link and state',
    options: [],
    examples: [['guardian ctl hosts @web', 'only those with the tag web']],
    load: () => import('./command/hosts.ts'),
  },
  {
    name: 'host',
    words: [{ flags: '<NAME>', text: 'name of the host', kind: 'host' }],
    summary: 'all about one host: link, holds, each dependent and what it waits for',
    options: [],
    examples: [['guardian ctl host web1', 'why web1 does not open']],
    load: () => import('./command/host.ts'),
  },
  {
    name: 'ping',
    words: [{ flags: '[SEL]', text: 'which hosts; default all', kind: 'selector' }],
    summary: 'the round trip to each agent',
    options: [],
    examples: [['guardian ctl ping @web', 'exit 4 where one does not answer']],
    load: () => import('./command/ping.ts'),
  },
  {
    name: 'events',
    words: [],
    summary: 'what happened lately, one line each',
    options: [{ flags: '-f, --follow', text: 'go on with what happens, until Ctrl-C' }],
    examples: [['guardian ctl events -f --json', 'one JSON object a line']],
    load: () => import('./command/events.ts'),
  },
]

export const groups: readonly CommandGroup[] = [
  {
    name: 'rollout',
    summary: 'rebuild the fleet in stages: plan, start, watch, steer; "guardian ctl rollout --help" says more',
    load: () => import('./rollout/table.ts'),
  },
]
