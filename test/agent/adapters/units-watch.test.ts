import t from 'tap'
import { type Dependency, type Systemd, type UnitState, unitPath } from '../../../agent/adapters/units-systemd.ts'
import { Watch } from '../../../agent/adapters/units-watch.ts'
import type { TargetView } from '../../../agent/core/state.ts'
import { until } from '../../hosts/until.ts'
import { quietLog } from '../quiet-log.ts'
import { unitIn } from './units-rig.ts'

const top = 'io-databases.target'

/** A systemd whose every unit is loaded, and that refuses what it is told to refuse. */
class FakeSystemd implements Systemd {
  readonly active = new Map<string, UnitState['active']>([[top, 'active']])
  readonly ties = new Map<string, readonly string[]>()
  readonly refusesStop = new Set<string>()
  /** Questions for dependencies that fail from now on. */
  failures = 0
  questions = 0

  async subscribe(): Promise<void> {}

  async list(units: readonly string[]): Promise<readonly UnitState[]> {
    return units.map((unit) => ({
      unit,
      path: unitPath(unit),
      isLoaded: true,
      active: this.active.get(unit) ?? 'inactive',
      job: 'none',
      jobId: 0,
    }))
  }

  listLoaded(units: readonly string[]): Promise<readonly UnitState[]> {
    return this.list(units)
  }

  async dependencies(path: string, kind: Dependency): Promise<readonly string[]> {
    this.questions += 1
    if (this.failures > 0) {
      this.failures -= 1
      throw new Error('no answer in 10000 ms')
    }
    return this.ties.get(`${path} ${kind}`) ?? []
  }

  async cgroup(): Promise<null> {
    return null
  }

  async stop(unit: string): Promise<void> {
    if (this.refusesStop.has(unit)) throw new Error('Access denied')
    this.active.set(unit, 'inactive')
  }

  async start(): Promise<void> {}

  async resetFailed(): Promise<void> {}

  tie(unit: string, on: string): void {
    this.ties.set(`${unitPath(on)} RequiredBy`, [unit])
    this.ties.set(`${unitPath(unit)} Requires`, [on])
  }
}

function setUp(systemd: FakeSystemd, dependents: readonly string[]) {
  const views: TargetView[] = []
  const lines: string[] = []
  const log = quietLog()
  const warn = (fields: object, text: string) => void lines.push(`${text} ${JSON.stringify(fields)}`)
  Object.assign(log, { child: () => log, warn })
  const told = (view: TargetView) => void views.push(view)
  const target = { name: 'io-databases', unit: top, dependents }
  return { watch: new Watch({ target, systemd, log, told }), views, lines }
}

t.test('a configured dependent that refuses its stop is named, and the rest is seen', async (t) => {
  const systemd = new FakeSystemd()
  systemd.refusesStop.add('stubborn.service')
  for (const unit of ['extra.service', 'stubborn.service']) systemd.active.set(unit, 'active')
  const { watch, views, lines } = setUp(systemd, ['stubborn.service', 'extra.service'])
  for (const round of [1, 2]) {
    watch.stop(round)
    await until('the stop is seen', () => views.at(-1)?.round === round)
  }
  t.equal(views.at(-1)?.target.active, 'inactive')
  t.strictSame(
    views.at(-1)?.dependents.map(({ unit, active }) => `${unit} ${active}`),
    ['stubborn.service active', 'extra.service inactive'],
  )
  t.equal(lines.length, 1, 'said once')
  t.match(lines[0], /stubborn\.service.*Access denied/)
  watch.close()
})

t.test('no round is seen where the stop of the target itself was refused', async (t) => {
  const systemd = new FakeSystemd()
  systemd.refusesStop.add(top)
  const { watch, views, lines } = setUp(systemd, [])
  watch.stop(1)
  await until('it is said', () => lines.length > 0)
  t.match(lines[0], /could not stop the target.*Access denied/)
  systemd.refusesStop.clear()
  watch.stop(2)
  await until('the stop is seen', () => views.at(-1)?.round === 2)
  t.notOk(views.some(({ round }) => round === 1))
  watch.close()
})

t.test('a unit that got a job and could not be asked about is found all the same', async (t) => {
  const systemd = new FakeSystemd()
  const { watch, views } = setUp(systemd, [])
  watch.stop(1)
  await until('quiet', () => views.at(-1)?.round === 1)
  systemd.tie('late.service', top)
  systemd.active.set('late.service', 'active')
  systemd.failures = 3
  watch.signal({ is: 'job-queued', unit: 'late.service', jobId: 7 })
  await until('it is seen', () => views.some((view) => unitIn(view, 'late.service')?.active === 'active'))
  t.equal(views.at(-1)?.round, 1)
  watch.close()
})
