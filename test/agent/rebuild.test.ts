import { appendFile, chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type AgentLink, dialAgent } from '../../daemon/dial.ts'
import type { JobCommand, JobLog, JobReport } from '../../protocol/v2/job.ts'
import type { AgentMessage } from '../../protocol/v2.ts'
import type { Manager } from '../hosts/manager.ts'
import { until } from '../hosts/until.ts'
import { installed, job, newSystem, oldSystem, openRig, type Rig } from '../rebuild/rig.ts'
import { type AgentRig, openAgentRig } from './agent-rig.ts'
import { command } from './core/job-scene.ts'

// The agent and its helper on a real systemd; the machine that is rebuilt lies in a directory.

t.test('a rebuild, from its order to the end, and its way back', async (t) => {
  const { machine, agent, boss } = await setUp(t)
  t.strictSame(boss.link.hello.features, ['jobs'])
  boss.order({ want: 'baselined' })
  const ready = await boss.sees('baselined')
  t.match(ready, {
    action: 'live',
    system: newSystem,
    previous: oldSystem,
    touches: ['app.service', 'database.service'],
  })
  boss.order({ want: 'active' })
  const active = await boss.sees('active')
  t.match(active, { exit: 0, current: newSystem, profile: oldSystem })
  t.ok((active.deadManMs ?? 0) > 290_000, `${active.deadManMs}`)
  await boss.finds('it is well', ({ health }) => health?.settled === true && health.probes.some(({ ok }) => ok))
  t.match(boss.last(), { health: { failed: [], looping: [], missing: [] } })
  await agent.host.writeUnit('bad.service', '[Service]\nExecStart=/bin/false\n')
  await agent.host.daemonReload()
  await agent.host.tried('start', 'bad.service')
  await boss.finds('what failed since', ({ health }) => health?.failed.includes('bad.service') === true)
  boss.order({ want: 'committed' })
  t.match(await boss.sees('committed'), { profile: newSystem })
  await boss.finds('nothing is armed', ({ deadManMs }) => deadManMs === null)
  boss.order({ want: 'reverted' })
  t.match(await boss.sees('reverted'), { current: oldSystem, profile: oldSystem })
  boss.order({ want: 'forgotten' })
  await until('it is forgotten', () => boss.jobs().length === 0)
  t.strictSame(await machine.memory.jobs(), [])
})

t.test('an agent that is gone for the switch finds out how it ended, and goes back when nobody speaks', async (t) => {
  const { machine, agent, boss } = await setUp(t, { confirmMs: 2_000 })
  await writeFile(machine.at(`${newSystem}/exit-test`), '4')
  boss.order({ want: 'active' })
  await boss.sees('activating', 'active')
  await agent.restart()
  const again = await meet(agent)
  again.order({ want: 'prefetched', confirmMs: 2_000 })
  t.match(await again.sees('reverted'), { exit: 4, reason: 'nobody confirmed it in time', current: oldSystem })
})

t.test('lines come once, in order, from where the last link broke off', async (t) => {
  const { machine, agent, boss } = await setUp(t)
  await writeFile(machine.at('/entries.json'), entries(1, 30))
  boss.order({ want: 'active' })
  await until('all lines', () => boss.lines('switch').length === 30)
  t.strictSame(boss.lines('plan').map(({ text }) => text)[0], 'linux: 6.12.1 → 6.12.2')
  t.strictSame(boss.lines('switch').at(-1), { cursor: 's=ab;i=30', atMs: 1_700_000_000_030, text: 'line 30' })
  await appendFile(machine.at('/entries.json'), entries(31, 31))
  await until('the next line', () => boss.lines('switch').length === 31)
  boss.link.close()
  const again = await meet(agent)
  again.order({ want: 'active', logAfter: { plan: 'p/0', switch: 's=ab;i=29' } })
  await until('the rest', () => again.lines('switch').length === 2)
  t.strictSame(
    again.lines('switch').map(({ text }) => text),
    ['line 30', 'line 31'],
  )
  await until('the rest of the plan', () => again.lines('plan').length > 0)
  t.equal(again.lines('plan')[0]?.cursor, 'p/1')
})

function entries(from: number, to: number): string {
  const lines = Array.from({ length: to - from + 1 }, (_, at) => {
    const number = from + at
    return {
      MESSAGE: `line ${number}`,
      __CURSOR: `s=ab;i=${number}`,
      __REALTIME_TIMESTAMP: `17000000000${String(number).padStart(2, '0')}000`,
    }
  })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** A host that takes rebuilds, with a coordinator on a link. */
async function setUp(t: Test, more: Partial<JobCommand> = {}) {
  const machine = await openRig(t)
  const rebuild = { resultsDir: machine.at('/var/lib/io-guardian-rebuild'), root: machine.root }
  await writeFile(machine.at('/entries.json'), '')
  const agent = await openAgentRig([{ unit: 'app.service' }], { rebuild }, (host) => prepare(host, machine))
  const { PATH } = process.env
  process.env.PATH = `${machine.at('/toolbox')}:${PATH}`
  t.teardown(async () => {
    await agent[Symbol.asyncDispose]()
    process.env.PATH = PATH
  })
  return { machine, agent, boss: await meet(agent, more) }
}

/** The helper's unit, and systemd's own programs in the place of those that only seem so. */
async function prepare(host: Manager, machine: Rig): Promise<void> {
  for (const name of ['systemctl', 'systemd-run']) {
    const text = `#!/bin/sh\nXDG_RUNTIME_DIR=${host.environment.XDG_RUNTIME_DIR} exec /usr/bin/${name} --user "$@"\n`
    await writeFile(machine.at(`/toolbox/${name}`), text)
    await chmod(machine.at(`/toolbox/${name}`), 0o755)
  }
  const stateDir = join(host.stateDir, 'agent')
  await mkdir(stateDir, { recursive: true })
  await machine.configure({ agentStateDir: stateDir, bootIdFile: '/proc/sys/kernel/random/boot_id' })
  const start = [...(await installed()), 'rebuild', '%i', '--config', machine.at('/etc/guardian/rebuild.json')].join(
    ' ',
  )
  const path = `${machine.at('/toolbox')}:/usr/bin:/bin`
  await host.writeUnit(
    'io-guardian-rebuild@.service',
    `[Service]\nType=oneshot\nEnvironment=PATH=${path}\nExecStart=${start}\n`,
  )
  await host.daemonReload()
}

interface Boss {
  readonly link: AgentLink
  order(more: Partial<JobCommand>): void
  jobs(): readonly JobReport[]
  last(): JobReport | undefined
  sees(...states: readonly JobReport['is'][]): Promise<JobReport>
  finds(what: string, fits: (report: JobReport) => boolean): Promise<JobReport>
  lines(stream: JobLog['stream']): JobLog['lines']
}

let epoch = 0

async function meet({ agent, key }: AgentRig, always: Partial<JobCommand> = {}): Promise<Boss> {
  epoch += 1
  const claim = { epoch, instance: `${epoch}`.padStart(32, '0'), revision: 1 }
  const link = await dialAgent({
    address: '127.0.0.1',
    port: agent.port,
    host: 'web1',
    keys: [key],
    authority: { kind: 'coordinator', claim },
    build: 't',
    limitMs: 5_000,
  })
  const probes: JobCommand['probes'] = [{ name: 'top', probe: { unit: 'io-databases.target', when: 'serving' } }]
  const jobs: { now: readonly JobReport[] } = { now: [] }
  const logs: JobLog[] = []
  link.listen({
    message: (message: AgentMessage) => {
      if (message.type === 'report') jobs.now = message.jobs ?? []
      if (message.type === 'log') logs.push(message)
    },
    closed: () => {},
  })
  const finds = (what: string, fits: (report: JobReport) => boolean) =>
    until(what, () => jobs.now.find((one) => one.job === job && fits(one)) ?? false).catch((cause: unknown) => {
      throw new Error(`not seen: ${what}; last: ${JSON.stringify(jobs.now)}`, { cause })
    })
  return {
    link,
    order: (more) =>
      link.send({
        ...command,
        source: { mode: 'closure', system: newSystem },
        claim,
        settleMs: 0,
        confirmMs: 300_000,
        probes,
        ...always,
        ...more,
      }),
    jobs: () => jobs.now,
    last: () => jobs.now[0],
    sees: (...states) => finds(states.join(' or '), ({ is }) => states.includes(is)),
    finds,
    lines: (stream) => logs.filter((log) => log.stream === stream).flatMap(({ lines }) => lines),
  }
}
