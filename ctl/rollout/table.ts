import type { RolloutOrder } from '../../protocol/rollout/api.ts'
import type { ArgumentRow, CommandRow, GroupRows, OptionRow } from '../table.ts'
import { rolloutExits } from './exit.ts'

const id: ArgumentRow = {
  flags: '[ID]',
  text: 'such as r17; default the one under way, else the last',
  kind: 'rollout',
}
const oneHost: ArgumentRow = { flags: '[HOST]', text: 'name of the host', kind: 'host' }
const why: OptionRow = { flags: '-m, --message <REASON>', text: 'why, for whoever asks later' }
const watch: OptionRow = { flags: '-w, --watch', text: 'then watch it, as "start" does' }

const planning: readonly OptionRow[] = [
  { flags: '--policy <POLICY>', text: 'policy of the coordinator; default the only one, or "default"', kind: 'policy' },
  { flags: '--rev <REV>', text: 'branch, tag or revision; a branch is resolved to a revision once, here' },
  { flags: '--flake <REF>', text: "instead of the policy's flake" },
  {
    flags: '--systems <FILE|HOST=PATH>',
    text: 'systems that are built already, in a JSON object or one by one; may be given again',
    kind: 'file',
    many: true,
  },
  { flags: '--on <SEL>', text: 'only these hosts of the policy: name, glob, @tag, a,b, a&b, !x', kind: 'selector' },
  { flags: '--copy-to <STORE>', text: 'bring what was built to this binary cache (nix copy --to)' },
  { flags: '--push <COMMAND>', text: 'give the paths of what was built to this command' },
  { flags: '--meta <KEY=VALUE>', text: 'kept with the rollout, a ticket or a build; may be given again', many: true },
  why,
]

const orderOf = (verb: RolloutOrder['verb']) => async () => ({
  run: (await import('./command/order.ts')).orderRun(verb),
})

const running: readonly CommandRow[] = [
  {
    name: 'plan',
    words: [],
    summary: 'build the systems, ask every host what it would do, and show it; changes nothing',
    more: [
      'Shows the stages in order with their hosts: per host whether it is a noop, a live switch or a reboot and why, what blocks, which units are touched, which packages change, and where there is no way back. The plan is frozen: what it shows is what "start" does. Exit 7 where something blocks.',
      'In closure mode the systems are built here, once, by nix build; in flake mode every host builds the pinned revision itself.',
    ],
    options: planning,
    examples: [
      ['guardian ctl rollout plan', "the branch that the policy's flake names"],
      ['guardian ctl rollout plan --rev v25.11 --on @canary -m "new kernel"', 'a tag, on some hosts'],
      ['guardian ctl rollout plan --systems web1=./result', 'what was built by hand'],
      ['guardian ctl rollout plan --copy-to "s3://cache?region=eu" --json', 'in CI'],
    ],
    load: () => import('./command/plan.ts'),
  },
  {
    name: 'diff',
    words: [id, { flags: '[HOST]', text: 'only this host; default all', kind: 'host' }],
    summary: 'all packages that differ, and what the switch says that it would do',
    options: [],
    examples: [
      ['guardian ctl rollout diff web1', 'in the rollout under way, else the last'],
      ['guardian ctl rollout diff r17 web1', 'in this one'],
    ],
    load: () => import('./command/diff.ts'),
  },
  {
    name: 'start',
    words: [
      {
        flags: '[ID]',
        text: 'what was planned: r17, or eight signs of its hash; default the newest plan',
        kind: 'rollout',
      },
    ],
    summary: 'start what was planned, and watch it to its end',
    more: [
      'Ctrl-C stops watching only (exit 130): the rollout goes on, and how to stop it is shown.',
      'With --policy and no ID it plans first, shows the plan, and starts it once a person says yes, or with --yes.',
    ],
    options: [
      ...planning,
      { flags: '--detach', text: 'start it and return' },
      { flags: '-y, --yes', text: 'do not ask' },
      { flags: '--max-parallel <COUNT>', text: 'at most so many hosts at once, in every stage' },
      { flags: '--skip-stage <STAGE>', text: 'leave a stage out; may be given again', many: true },
      { flags: '--skip-offline', text: 'leave out hosts that are not connected' },
      { flags: '--no-drain', text: 'rebuild hosts in service, without draining them' },
      { flags: '--allow-reboot', text: 'hosts that need it may reboot, now' },
      {
        flags: '--adopt <HOST>',
        text: 'rebuild this host although somebody else installed what it runs; may be given again',
        kind: 'host',
        many: true,
      },
    ],
    examples: [
      ['guardian ctl rollout start r17', 'what "plan" has shown'],
      ['guardian ctl rollout start --policy nightly --yes', 'plan and start, from a timer'],
      ['guardian ctl rollout start r17 --max-parallel 1 --skip-stage rest --detach', 'carefully, in part'],
    ],
    load: () => import('./command/start.ts'),
  },
]

const looking: readonly CommandRow[] = [
  {
    name: 'status',
    words: [id],
    summary: 'a rollout at a glance; exits with its exit code where it is at rest, 0 while it is under way',
    options: [{ flags: '--wait', text: 'until it rests, in silence' }],
    examples: [
      ['guardian ctl rollout status', 'one look'],
      ['guardian ctl rollout status --wait --timeout 2h', 'for a script; 124 where it takes longer'],
      ['guardian ctl rollout status --json | jq .hosts', 'everything there is to know'],
    ],
    load: () => import('./command/status.ts'),
  },
  {
    name: 'watch',
    words: [id],
    summary: 'a line per host, drawn again at each change; into a pipe a line per transition',
    more: [
      'Ends when the rollout rests, with its exit code. With --json the events as JSON lines, and the end as the last.',
    ],
    options: [],
    examples: [
      ['guardian ctl rollout watch', 'until it rests, or Ctrl-C'],
      ['guardian ctl rollout watch r17 --json', 'for a script'],
    ],
    load: () => import('./command/watch.ts'),
  },
  {
    name: 'logs',
    words: [id, { flags: '[HOST]', text: 'only this host; default all', kind: 'host' }],
    summary: 'what the switch wrote on a host, or what was found before it',
    options: [
      { flags: '-f, --follow', text: 'go on with what comes, until Ctrl-C' },
      { flags: '--since <TIME>', text: 'only the last 10min' },
      {
        flags: '--stream <STREAM>',
        text: '"switch", what the activation says (default), or "plan", what was found before',
      },
    ],
    examples: [
      ['guardian ctl rollout logs web1 -f', 'while it is rebuilt'],
      ['guardian ctl rollout logs r12 web1', 'afterwards'],
    ],
    load: () => import('./command/logs.ts'),
  },
  {
    name: 'history',
    words: [{ flags: '[HOST]', text: 'what became of this host in each', kind: 'host' }],
    summary: 'all rollouts, newest first',
    options: [],
    examples: [['guardian ctl rollout history web1', 'when was web1 rebuilt, and what came of it']],
    load: () => import('./command/history.ts'),
  },
  {
    name: 'explain',
    words: [{ flags: '<HOST>', text: 'name of the host', kind: 'host' }],
    summary: 'why a host has not been rebuilt yet, or is not in service, and the command that frees it',
    options: [],
    examples: [['guardian ctl rollout explain web1', 'which gate, budget, window or hold it waits for']],
    load: () => import('./command/explain.ts'),
  },
]

const steering: readonly CommandRow[] = [
  {
    name: 'promote',
    words: [id],
    summary: 'end a soak or a wait for approval: on to the next stage',
    options: [{ flags: '--full', text: 'for all stages to come; health and budgets still count' }, why, watch],
    examples: [['guardian ctl rollout promote', 'the canary is well']],
    load: orderOf('promote'),
  },
  {
    name: 'pause',
    words: [id],
    summary: 'no further host begins; those on their way finish or go back',
    options: [why, watch],
    examples: [['guardian ctl rollout pause -m "looking at web3"', 'until resume']],
    load: orderOf('pause'),
  },
  {
    name: 'resume',
    words: [id],
    summary: 'go on with what was paused, by hand or by a failure',
    options: [why, watch],
    examples: [['guardian ctl rollout resume -w', 'and watch it']],
    load: orderOf('resume'),
  },
  {
    name: 'abort',
    words: [id],
    summary: 'end it: no further host begins, those on their way finish, those that are done stay',
    options: [{ flags: '--now', text: 'hosts on their way go back at once' }, why, watch],
    examples: [['guardian ctl rollout abort --now -m "wrong branch"', 'and then perhaps rollback']],
    load: orderOf('abort'),
  },
  {
    name: 'rollback',
    words: [id],
    summary: 'bring hosts back to what they ran before, in reverse order, drained and within the budgets',
    options: [
      { flags: '--on <SEL>', text: 'only these hosts', kind: 'selector' },
      { flags: '--past-irreversible', text: 'even though a hook without a way back has run' },
      why,
      watch,
    ],
    examples: [
      ['guardian ctl rollout rollback -w', 'the last rollout, whole; exit 0 once every host is back'],
      ['guardian ctl rollout rollback r17 --on web1', 'one host'],
    ],
    load: orderOf('rollback'),
  },
  {
    name: 'retry',
    words: [id, { flags: '[HOST]', text: 'one host; default every one that failed or was blocked', kind: 'host' }],
    summary: 'another attempt for hosts that failed or were blocked, or for a hook',
    options: [{ flags: '--hook <NAME>', text: 'run this hook again' }, why, watch],
    examples: [
      ['guardian ctl rollout retry web3', 'after it was mended'],
      ['guardian ctl rollout retry --hook migrate', 'a hook never runs twice by itself'],
    ],
    load: orderOf('retry'),
  },
  {
    name: 'skip',
    words: [id, oneHost],
    summary: 'leave a host out of this rollout',
    options: [why, watch],
    examples: [['guardian ctl rollout skip web3 -m "disk is being replaced"', 'the rollout then ends with exit 10']],
    load: orderOf('skip'),
  },
  {
    name: 'release',
    words: [id, oneHost],
    summary: 'free the slot of a host that will not come back',
    options: [why, watch],
    examples: [['guardian ctl rollout release web3 -m "mainboard is dead"', 'slots never expire by themselves']],
    load: orderOf('release'),
  },
  {
    name: 'discard',
    words: [id],
    summary: 'throw a plan away that was not started',
    options: [why],
    examples: [['guardian ctl rollout discard r17', 'frees what hosts have fetched for it']],
    load: orderOf('discard'),
  },
]

export const commands: readonly CommandRow[] = [...running, ...looking, ...steering]
export const exits = rolloutExits
export const description: GroupRows['description'] = [
  'Rebuilds the fleet in stages, by a policy of the coordinator: each host is fetched for, drained, switched, judged, opened, judged again, and only then committed; what fails goes back by itself.',
  'Where no ID is given the rollout under way is meant, else the last; which one is said on stderr. A word alone is an ID where it looks like one, such as r17, else a host.',
]
export const examples: GroupRows['examples'] = [
  'guardian ctl rollout plan --rev main',
  'guardian ctl rollout start r17',
  'guardian ctl rollout promote',
  'guardian ctl rollout rollback r17',
  'guardian ctl rollout plan --help',
]
