import { readFile, rm, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { job, newSystem, oldSystem, openRig, type Rig } from './rig.ts'

// The power goes at each instant of each action: before and behind everything that it does to the host.

const done = { code: 0, err: '' }
const instantsMax = 40

/** Runs an action once per instant in which the power can go, each on a machine of its own. */
async function eachCut(
  t: Test,
  action: string,
  prepare: (rig: Rig) => Promise<unknown>,
  judge: (rig: Rig, name: string) => Promise<unknown>,
): Promise<void> {
  for (let instant = 1; instant < instantsMax; instant += 1) {
    const rig = await openRig(t)
    await prepare(rig)
    await writeFile(rig.at('/cut'), `${instant}`)
    await rig.helper(`${action}-${job}`)
    const isCut = (await readFile(rig.at('/cut'), 'utf8')).trim() === '0'
    await rm(rig.at('/cut'))
    if (!isCut) {
      t.ok(instant > 2, `${action} has ${instant - 1} instants`)
      return
    }
    await judge(rig, `${action}, instant ${instant}`)
  }
  t.fail('it never ends')
}

async function fetched(rig: Rig): Promise<void> {
  await rig.helper(`prefetch-${job}`)
}

async function active(rig: Rig): Promise<void> {
  await fetched(rig)
  await rig.helper(`activate-${job}`)
  await rig.switched()
}

const kernel = (rig: Rig) => writeFile(rig.at(`${newSystem}/kernel`), 'another')

t.test('during a switch', (t) =>
  eachCut(t, 'activate', fetched, async (rig, name) => {
    t.equal(await rig.boot(), oldSystem, name)
    t.strictSame(await rig.helper('resume'), done, name)
    const { revert } = await rig.memory.results(job)
    t.match(revert, { ok: true }, name)
  }),
)

t.test('while the loader is told to boot another system once', (t) =>
  eachCut(
    t,
    'activate',
    async (rig) => {
      await kernel(rig)
      await fetched(rig)
    },
    async (rig, name) => {
      const isAsked = await rig.has('/oneshot')
      t.equal(await rig.boot(), isAsked ? newSystem : oldSystem, name)
      if (isAsked) t.equal(await rig.boot(), oldSystem, `${name}: and never twice`)
      t.strictSame(await rig.helper('resume'), done, name)
      t.match((await rig.memory.results(job)).revert, { ok: true }, name)
      t.equal(await rig.boot(), oldSystem, name)
    },
  ),
)

t.test('during a commit: what boots is what is settled', (t) =>
  eachCut(t, 'commit', active, async (rig, name) => {
    const booted = await rig.boot()
    t.strictSame(await rig.helper('resume'), done, name)
    const { commit, revert } = await rig.memory.results(job)
    if (booted === newSystem) t.match(commit, { ok: true }, name)
    else t.match(revert, { ok: true }, name)
    t.equal(await rig.boot(), booted, `${name}: and stays`)
  }),
)

t.test('during the way back', async (t) => {
  for (let instant = 1; instant < instantsMax; instant += 1) {
    const rig = await openRig(t)
    await active(rig)
    await writeFile(rig.at('/cut'), `${instant}`)
    await rig.deadMan()
    const isCut = (await readFile(rig.at('/cut'), 'utf8')).trim() === '0'
    await rm(rig.at('/cut'))
    if (!isCut) return
    t.equal(await rig.boot(), oldSystem, `instant ${instant}`)
    t.strictSame(await rig.helper('resume'), done)
    t.match((await rig.memory.results(job)).revert, { ok: true }, `instant ${instant}`)
  }
})
