import { execFileSync } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { until } from '../hosts/until.ts'
import { job, newSystem, oldSystem, openRig, type Rig } from './rig.ts'

const done = { code: 0, err: '' }
const other = 'b'.repeat(32)

/** The new system runs, and waits for the word that it may stay. */
async function activated(t: Test, config: object = {}, prepare: (rig: Rig) => Promise<unknown> = async () => {}) {
  const rig = await openRig(t, config)
  await prepare(rig)
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  t.strictSame(await rig.helper(`activate-${job}`), done)
  await rig.switched()
  return rig
}

t.test('a switch that is confirmed', async (t) => {
  const rig = await openRig(t)
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  const { prefetch } = await rig.memory.results(job)
  t.match(prefetch, { system: newSystem, previous: oldSystem, action: 'live', blockers: [], bootOnce: true })
  t.strictSame(prefetch?.touches, ['app.service', 'database.service'])
  t.match(await rig.memory.read(job, 'plan'), { lines: ['linux: 6.12.1 → 6.12.2', /^would restart/] })
  t.strictSame(await rig.helper(`activate-${job}`), done)
  await rig.switched()
  t.match((await rig.memory.results(job)).exit, { exit: 0, ok: true, cut: false })
  t.equal(await rig.runs(), newSystem)
  t.notOk(await rig.has(`/units/guardian-deadman-${job}.timer`), 'the second timer has taken the place of the first')
  t.strictSame(await rig.helper(`commit-${job}`), done)
  t.match((await rig.memory.results(job)).commit, { ok: true })
  t.equal(await rig.memory.committed(), newSystem)
  t.notOk(await rig.has(`/units/guardian-confirm-${job}.timer`))
  t.equal(await rig.boot(), newSystem)
  t.strictSame(await rig.helper(`forget-${job}`), done)
  t.strictSame(await rig.memory.jobs(), [])
})

t.test('until it is confirmed, a boot brings the previous system', async (t) => {
  const rig = await activated(t)
  t.equal(await rig.boot(), oldSystem)
  t.strictSame(await rig.helper('resume'), done)
  t.match((await rig.memory.results(job)).revert, { ok: true, reason: /came up again with the system that it had/ })
})

t.test('the word to go back', async (t) => {
  const rig = await activated(t)
  t.strictSame(await rig.helper(`revert-${job}`), done)
  await rig.wentBack()
  t.match((await rig.memory.results(job)).revert, { ok: true, reason: '' })
  t.equal(await rig.runs(), oldSystem)
  t.notOk(await rig.has(`/units/guardian-confirm-${job}.timer`))
  t.notMatch((await rig.log()).join('\n'), 'boot ', 'the loader was never written, and is not now')
})

t.test('a second job beside one that is not confirmed', async (t) => {
  const rig = await activated(t)
  await rig.give({ job: other, adopt: true })
  t.strictSame(await rig.helper(`prefetch-${other}`), done)
  t.strictSame(await rig.helper(`activate-${other}`), done)
  const { exit, activation } = await rig.memory.results(other)
  t.match(exit, { ok: false, reason: `job ${job} is neither committed nor reverted` })
  t.equal(activation, null)
})

t.test('nobody confirms it, while another job is fetched for hours', async (t) => {
  const rig = await activated(t)
  await rig.give({ job: other })
  execFileSync('mkfifo', [rig.at('/hold-store')])
  const before = (await rig.log()).length
  const fetching = rig.helper(`prefetch-${other}`)
  await until('it fetches', async () => (await rig.log()).slice(before).some((line) => line.startsWith('nix-store')))
  t.strictSame(await rig.deadMan(), done)
  t.match((await rig.memory.results(job)).revert, { ok: true, reason: 'nobody confirmed it in time' })
  t.equal(await rig.runs(), oldSystem)
  await writeFile(rig.at('/hold-store'), '')
  t.strictSame(await fetching, done)
})

t.test('nobody confirms it', async (t) => {
  const rig = await activated(t)
  t.strictSame(await rig.deadMan(), done)
  t.match((await rig.memory.results(job)).revert, { ok: true, reason: 'nobody confirmed it in time' })
  t.equal(await rig.runs(), oldSystem)
})

t.test('a timer that comes after the commit does nothing; the word to go back does', async (t) => {
  const rig = await activated(t)
  const timer = await readFile(rig.at(`/units/guardian-confirm-${job}.timer`))
  t.strictSame(await rig.helper(`commit-${job}`), done)
  await writeFile(rig.at(`/units/guardian-confirm-${job}.timer`), timer)
  t.strictSame(await rig.deadMan(), done)
  t.equal(await rig.runs(), newSystem)
  t.strictSame(await rig.helper(`revert-${job}`), done)
  await rig.wentBack()
  t.match((await rig.memory.results(job)).revert, { ok: true })
  t.equal(await rig.boot(), oldSystem)
  t.equal(await rig.memory.committed(), oldSystem)
})

const ends: readonly [exit: string, ok: boolean, reason: RegExp][] = [
  ['4', true, /some units did not come up/],
  ['2', false, /activation script failed/],
  ['1', false, /refused or died/],
  ['100', false, /only a reboot/],
]
for (const [exit, ok, reason] of ends) {
  t.test(`a switch that ends with ${exit}`, async (t) => {
    const rig = await activated(t, {}, (rig) => writeFile(rig.at(`${newSystem}/exit-test`), exit))
    t.match((await rig.memory.results(job)).exit, { exit: Number(exit), ok, cut: false, reason })
  })
}

t.test('a switch that is cut short is run once more before the way back', async (t) => {
  const rig = await openRig(t)
  await writeFile(rig.at(`${newSystem}/hangs`), '')
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  t.strictSame(await rig.helper(`activate-${job}`), done)
  await until('it hangs', () => rig.has('/hanging'))
  const pid = Number(await readFile(rig.at(`/units/guardian-switch-${job}.service.pid`), 'utf8'))
  await rm(rig.at(`${newSystem}/hangs`))
  process.kill(pid, 'SIGTERM')
  await rig.switched()
  t.match((await rig.memory.results(job)).exit, { exit: -1, ok: false, cut: true })
  t.strictSame(await rig.helper(`revert-${job}`), done)
  await rig.wentBack()
  t.match((await rig.memory.results(job)).revert, { ok: true })
  const tests = (await rig.log()).filter((line) => line.startsWith('test '))
  t.strictSame(tests, [`test ${newSystem}`, `test ${newSystem}`, `test ${oldSystem}`])
})

t.test('the way back ends a switch that is still under way', async (t) => {
  const rig = await openRig(t)
  await writeFile(rig.at(`${newSystem}/hangs`), '')
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  t.strictSame(await rig.helper(`activate-${job}`), done)
  await until('it hangs', () => rig.has('/hanging'))
  await rm(rig.at(`${newSystem}/hangs`))
  t.strictSame(await rig.deadMan('deadman'), done)
  t.match(await rig.memory.results(job), { exit: { cut: true }, revert: { ok: true } })
})

t.test('a loader that keeps what it had, because /boot is full', async (t) => {
  const rig = await activated(t)
  await writeFile(rig.at('/boot/full'), '')
  t.strictSame(await rig.helper(`commit-${job}`), done)
  t.match((await rig.memory.results(job)).commit, { ok: false, reason: /the loader would start/ })
  t.match(await rig.memory.recall(job), { committing: false })
  t.ok(await rig.has(`/units/guardian-confirm-${job}.timer`), 'the way back is still armed')
  t.strictSame(await rig.helper(`revert-${job}`), done)
  await rig.wentBack()
  t.match((await rig.memory.results(job)).revert, { ok: true })
})

t.test('a way back that does not lead there says so', async (t) => {
  const rig = await activated(t)
  await writeFile(rig.at(`${oldSystem}/refuses`), '')
  t.strictSame(await rig.helper(`revert-${job}`), done)
  await rig.wentBack()
  t.match((await rig.memory.results(job)).revert, { ok: false, reason: new RegExp(`^${newSystem} runs, and not`) })
  await rm(rig.at(`${oldSystem}/refuses`))
  await rm(rig.at(`/units/guardian-revert-${job}.ended`))
  t.strictSame(await rig.helper(`revert-${job}`), done)
  await rig.wentBack()
  t.match((await rig.memory.results(job)).revert, { ok: true }, 'asked for once more, it is tried once more')
})

t.test('what was never activated is reverted at once, and forgotten only when it rests', async (t) => {
  const rig = await activated(t)
  t.match(await rig.helper(`forget-${job}`), { code: 6, err: /neither committed nor reverted/ })
  const fresh = await openRig(t)
  t.strictSame(await fresh.helper(`prefetch-${job}`), done)
  t.strictSame(await fresh.helper(`revert-${job}`), done)
  t.match((await fresh.memory.results(job)).revert, { ok: true, reason: 'nothing of it was ever active' })
})

t.test('nothing is done twice', async (t) => {
  const rig = await activated(t)
  const before = await rig.log()
  for (const action of ['prefetch', 'activate', 'resume'])
    t.strictSame(await rig.helper(`${action}-${job}`), done, action)
  t.strictSame(await rig.log(), before)
})

t.test('wrong usage', async (t) => {
  const rig = await openRig(t)
  for (const argv of [[], ['prefetch'], ['destroy', job], [`prefetch-${job}x`], ['prefetch', job, 'more'], ['--loud']])
    t.match(await rig.helper(...argv), { code: 2 }, argv.join(' '))
  await rig.configure({ host: 'web 1' })
  t.match(await rig.helper('resume'), { code: 2, err: /host: found/ })
})
