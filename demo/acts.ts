import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKey } from '../protocol/keys.ts'
import { type Fleet, targetName } from '../test/hosts/fleet.ts'
import { until } from '../test/hosts/until.ts'
import { complaints } from '../test/hosts/workers.ts'
import { workerUnits } from './cast.ts'
import { ctl, prompt, say, title } from './screen.ts'
import { momentOf, startTimeline, type Timeline } from './timeline.ts'

/** What an act showed, to be judged at its end. */
export interface Seen {
  readonly claims: readonly (readonly [claim: string, holds: boolean])[]
  readonly timelines?: readonly Timeline[]
}

export const acts: readonly ((fleet: Fleet) => Promise<Seen>)[] = [
  calm,
  orderlyStop,
  start,
  operatorsHold,
  killed,
  wrongKey,
]

async function calm(fleet: Fleet): Promise<Seen> {
  title('1. All is well', 'Three hosts live from the PostgreSQL and the Redis of a fourth.')
  return { claims: [['guardian ctl status ends with 0', (await ctl(fleet, 'status')) === 0]] }
}

async function orderlyStop(fleet: Fleet): Promise<Seen> {
  title(
    '2. PostgreSQL is stopped',
    'systemd stops its gate first, and the gate drains every host before PostgreSQL may go.',
  )
  const before = (await complaints(fleet, workerUnits)).length
  prompt('io', 'systemctl stop postgresql.service')
  const timeline = startTimeline('systemctl stop postgresql.service', 'io', 'stop of PostgreSQL asked for')
  const stopping = fleet.io.systemctl('stop', 'postgresql.service')
  // Awaited below; an interrupted demo ends the host first.
  stopping.catch(() => undefined)
  await until('web1 is drained', async () => (await running(fleet, 'web1')) === 0)
  say('… web1 is done; the search index of web2 still writes its last batch:')
  await ctl(fleet, 'status')
  await stopping
  const lastStopped = Math.max(
    ...(await eachHost(fleet, (host, units) =>
      timeline.last(host, units, 'InactiveEnter', `last of ${units.length} workers stopped`),
    )),
  )
  await timeline.unit(
    fleet.io,
    'io-guardian-gate@postgresql.service',
    'InactiveEnter',
    'gate closed: every host is drained',
  )
  await timeline.unit(fleet.io, 'postgresql.service', 'ActiveExit', 'PostgreSQL begins to stop')
  await timeline.unit(fleet.io, 'postgresql.service', 'InactiveEnter', 'PostgreSQL stopped')
  await ctl(fleet, 'status')
  const cut = (await complaints(fleet, workerUnits)).slice(before)
  say(...cut)
  return {
    claims: [
      [
        'PostgreSQL began to stop only after the last worker had stopped',
        (await momentOf(fleet.io, 'postgresql.service', 'ActiveExit')) >= lastStopped,
      ],
      [`refused or cut connections in the workers' logs: ${cut.length}`, cut.length === 0],
    ],
    timelines: [timeline.end()],
  }
}

async function start(fleet: Fleet): Promise<Seen> {
  title('3. PostgreSQL is started again', 'Its gate comes up with it; when the probes agree, every host opens.')
  const before = (await complaints(fleet, workerUnits)).length
  prompt('io', 'systemctl start postgresql.service')
  const timeline = startTimeline('systemctl start postgresql.service', 'io', 'start of PostgreSQL asked for')
  await fleet.io.systemctl('start', 'postgresql.service')
  await eachHost(fleet, (host) => allRun(fleet, host.name))
  await timeline.unit(fleet.io, 'postgresql.service', 'ActiveEnter', 'PostgreSQL accepts connections')
  await timeline.unit(fleet.io, 'io-guardian-gate@postgresql.service', 'ActiveEnter', 'gate up')
  await eachHost(fleet, (host, units) =>
    timeline.last(host, units, 'ActiveEnter', `last of ${units.length} workers started`),
  )
  await ctl(fleet, 'status')
  const cut = (await complaints(fleet, workerUnits)).length - before
  return { claims: [[`workers that found PostgreSQL shut: ${cut}`, cut === 0]], timelines: [timeline.end()] }
}

async function operatorsHold(fleet: Fleet): Promise<Seen> {
  title(
    '4. An operator drains web1, and PostgreSQL is restarted meanwhile',
    'The restart drains and opens the others. web1 is held by a person, so it stays drained.',
  )
  await ctl(fleet, 'drain', '--host', 'web1', '-m', 'new disk')
  const before = (await complaints(fleet, workerUnits)).length
  prompt('io', 'systemctl restart postgresql.service')
  const timeline = startTimeline(
    'systemctl restart postgresql.service, web1 held',
    'io',
    'restart of PostgreSQL asked for',
  )
  await fleet.io.systemctl('restart', 'postgresql.service')
  await Promise.all(['web2', 'jobs1'].map((name) => allRun(fleet, name)))
  await timeline.unit(fleet.io, 'postgresql.service', 'InactiveEnter', 'PostgreSQL stopped')
  await timeline.unit(fleet.io, 'postgresql.service', 'ActiveEnter', 'PostgreSQL accepts connections')
  for (const name of ['web2', 'jobs1']) {
    const units = workerUnits[name] ?? []
    await timeline.last(fleet.host(name), units, 'InactiveEnter', `last of ${units.length} workers stopped`)
    await timeline.last(fleet.host(name), units, 'ActiveEnter', `last of ${units.length} workers started`)
  }
  await ctl(fleet, 'status')
  const held = await running(fleet, 'web1')
  const cut = (await complaints(fleet, workerUnits)).length - before
  await ctl(fleet, 'holds')
  const undrained = await ctl(fleet, 'undrain', '--host', 'web1')
  return {
    claims: [
      ['web1 stayed drained through the restart', held === 0],
      [`refused or cut connections: ${cut}`, cut === 0],
      ['web1 is open again once its operator says so', undrained === 0 && (await allRun(fleet, 'web1'))],
    ],
    timelines: [timeline.end()],
  }
}

async function killed(fleet: Fleet): Promise<Seen> {
  title(
    '5. PostgreSQL is killed',
    'Nobody can be stopped before a crash. But its gate falls and comes back by itself, and so do all hosts.',
  )
  const before = (await complaints(fleet, workerUnits)).length
  const pid = await fleet.io.show('postgresql.service', 'MainPID')
  prompt('io', `kill -KILL ${pid}`)
  const timeline = startTimeline('kill -KILL of PostgreSQL', 'io', 'PostgreSQL killed')
  const gateWas = await momentOf(fleet.io, 'io-guardian-gate@postgresql.service', 'ActiveEnter')
  await fleet.io.systemctl('kill', '--signal=KILL', '--kill-whom=main', 'postgresql.service')
  await until(
    'the gate is back',
    async () => (await momentOf(fleet.io, 'io-guardian-gate@postgresql.service', 'ActiveEnter')) > gateWas,
  )
  await eachHost(fleet, (host) => allRun(fleet, host.name))
  await timeline.unit(fleet.io, 'postgresql.service', 'ActiveEnter', 'systemd has started PostgreSQL again')
  await timeline.unit(fleet.io, 'io-guardian-gate@postgresql.service', 'ActiveEnter', 'gate up again')
  await eachHost(fleet, (host, units) => timeline.last(host, units, 'ActiveEnter', 'all workers run'))
  await ctl(fleet, 'status')
  const cut = (await complaints(fleet, workerUnits)).length - before
  say(`The crash itself cost ${cut} lines of errors in the workers' logs: nobody can be told before it.`, '')
  return { claims: [['every host is open again, nobody had to do anything', true]], timelines: [timeline.end()] }
}

async function wrongKey(fleet: Fleet): Promise<Seen> {
  title('6. Somebody with a wrong key', 'orders an agent to drain, without the coordinator.')
  const file = join(fleet.root, 'wrong.psk')
  await writeFile(file, `${generateKey()}\n`, { mode: 0o600 })
  const place = fleet.place('web1')
  const code = await ctl(
    fleet,
    '--direct',
    '--hosts',
    `web1=${place.address}:${place.port}`,
    '--psk-file',
    file,
    'drain',
  )
  const running1 = await running(fleet, 'web1')
  return {
    claims: [
      ['it is refused, and says so: exit code 6', code === 6],
      ['web1 took no notice', running1 === workerUnits.web1?.length],
    ],
  }
}

/** How many workers of a host have not wholly stopped. */
async function running(fleet: Fleet, name: string): Promise<number> {
  const host = fleet.host(name)
  const states = await Promise.all((workerUnits[name] ?? []).map((unit) => host.show(unit, 'ActiveState')))
  return states.filter((state) => state !== 'inactive' && state !== 'failed').length
}

async function allRun(fleet: Fleet, name: string): Promise<boolean> {
  const host = fleet.host(name)
  const units = [`${targetName}.target`, ...(workerUnits[name] ?? [])]
  const active = async () => {
    const states = await Promise.all(units.map((unit) => host.show(unit, 'ActiveState')))
    return states.every((state) => state === 'active')
  }
  return until(`every worker of ${name} runs`, active, { limitMs: 60_000, everyMs: 50 })
}

async function eachHost<T>(
  fleet: Fleet,
  work: (host: ReturnType<Fleet['host']>, units: readonly string[]) => Promise<T>,
): Promise<readonly T[]> {
  return Promise.all(Object.entries(workerUnits).map(([name, units]) => work(fleet.host(name), units)))
}
