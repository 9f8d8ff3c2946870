import { writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { job, newSystem, oldSystem, openRig, type Rig } from './rig.ts'

const done = { code: 0, err: '' }

/** Told to boot the new system, once where its loader can. */
async function rebooting(t: Test, prepare: (rig: Rig) => Promise<unknown> = async () => {}): Promise<Rig> {
  const rig = await openRig(t)
  await writeFile(rig.at(`${newSystem}/kernel`), 'another')
  await prepare(rig)
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  t.match((await rig.memory.results(job)).prefetch, { action: 'reboot', rebootReasons: [/^another kernel/] })
  t.strictSame(await rig.helper(`activate-${job}`), done)
  t.ok(await rig.has('/rebooted'))
  return rig
}

t.test('a reboot that is confirmed', async (t) => {
  const rig = await rebooting(t)
  t.equal(await rig.boot(), newSystem)
  t.strictSame(await rig.helper('resume'), done)
  t.match((await rig.memory.results(job)).exit, { ok: true, exit: 0 })
  t.ok(await rig.has(`/units/guardian-confirm-${job}.timer`), 'the way back is armed in the new boot')
  t.strictSame(await rig.helper(`commit-${job}`), done)
  t.match((await rig.memory.results(job)).commit, { ok: true })
  t.equal(await rig.boot(), newSystem)
})

t.test('a system that does not come up boots once only', async (t) => {
  const rig = await rebooting(t)
  t.equal(await rig.boot(), newSystem, 'and hangs')
  t.equal(await rig.boot(), oldSystem)
  t.strictSame(await rig.helper('resume'), done)
  t.match((await rig.memory.results(job)).revert, { ok: true })
})

t.test('the way back from a reboot is a reboot, and is over when it is read', async (t) => {
  const rig = await rebooting(t)
  await rig.boot()
  t.strictSame(await rig.helper('resume'), done)
  t.strictSame(await rig.deadMan(), done)
  t.equal((await rig.memory.results(job)).revert, null)
  t.equal(await rig.boot(), oldSystem)
  t.strictSame(await rig.helper('resume'), done)
  t.match((await rig.memory.results(job)).revert, { ok: true, reason: /^rebooted into it/ })
})

t.test('a reboot that brings the new system again instead', async (t) => {
  const rig = await rebooting(t)
  await rig.boot()
  t.strictSame(await rig.helper('resume'), done)
  t.strictSame(await rig.deadMan(), done)
  await writeFile(rig.at('/oneshot'), 'nixos-generation-2.conf')
  t.equal(await rig.boot(), newSystem)
  t.strictSame(await rig.helper('resume'), done)
  t.match((await rig.memory.results(job)).revert, { ok: false, reason: /runs/ })
})

t.test('a loader that cannot boot once keeps the new system until the way back', async (t) => {
  const rig = await rebooting(t, (rig) => writeFile(rig.at('/no-bootctl'), ''))
  t.match((await rig.memory.results(job)).prefetch, { bootOnce: false })
  t.equal(await rig.boot(), newSystem)
  t.equal(await rig.boot(), newSystem, 'nothing else brings the previous one')
  t.strictSame(await rig.helper('resume'), done)
  t.strictSame(await rig.deadMan(), done)
  t.equal(await rig.boot(), oldSystem)
  t.strictSame(await rig.helper('resume'), done)
  t.match((await rig.memory.results(job)).revert, { ok: true })
})

t.test('a loader that cannot be written', async (t) => {
  const rig = await openRig(t)
  await writeFile(rig.at(`${newSystem}/kernel`), 'another')
  await writeFile(rig.at(`${oldSystem}/exit-boot`), '1')
  t.strictSame(await rig.helper(`prefetch-${job}`), done)
  t.strictSame(await rig.helper(`activate-${job}`), done)
  t.notOk(await rig.has('/rebooted'))
  t.match((await rig.memory.results(job)).exit, { ok: false, exit: -1, reason: /loader could not be written/ })
})
