import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findAccount } from '../../../doctor/adapters/accounts.ts'
import { readRights } from '../../../doctor/adapters/rights.ts'
import { noPolkit, openPolkit } from './polkit.ts'

const top = 'io-databases.target'
const shipped = await readFile(join(import.meta.dirname, '../../../units/io-guardian.rules'), 'utf8')
// Nobody of this machine is the agent, so one who is there stands in for it.
const rules = shipped.replace('"io-guardian"', '"nobody"')

async function use(t: Test, address: string) {
  const before = process.env.DBUS_SYSTEM_BUS_ADDRESS
  process.env.DBUS_SYSTEM_BUS_ADDRESS = address
  t.teardown(() => {
    if (before === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
    else process.env.DBUS_SYSTEM_BUS_ADDRESS = before
  })
  const account = await findAccount('nobody')
  if (account === null) throw new Error('this machine has no user nobody')
  return { bus: 'system', account, pid: 0 }
}

t.test('what polkit grants by the rule that ships', { skip: noPolkit }, async (t) => {
  await using polkit = await openPolkit(rules)
  const question = await use(t, polkit.address)
  const { answer } = await readRights({ ...question, units: [top] })
  t.strictSame(answer, { is: 'asked', refused: [] })
  const both = await readRights({ ...question, units: [top, 'web.service'] })
  t.strictSame(both, {
    user: 'nobody',
    units: [top, 'web.service'],
    answer: {
      is: 'asked',
      refused: [
        { verb: 'start', unit: 'web.service' },
        { verb: 'stop', unit: 'web.service' },
      ],
    },
  })
})

t.test('it is asked about the agent’s own process, where that runs', { skip: noPolkit }, async (t) => {
  await using polkit = await openPolkit(rules)
  const question = await use(t, polkit.address)
  const { name, gid } = question.account
  const agent = spawn('setpriv', [`--reuid=${name}`, `--regid=${gid}`, '--clear-groups', 'cat'])
  t.teardown(() => agent.kill())
  agent.stdin.write('?')
  await once(agent.stdout, 'data')
  const { answer } = await readRights({ ...question, pid: agent.pid ?? 0, units: [top] })
  t.strictSame(answer, { is: 'asked', refused: [] })
})

t.test('without a rule everything is refused', { skip: noPolkit }, async (t) => {
  await using polkit = await openPolkit('')
  const question = await use(t, polkit.address)
  const { answer } = await readRights({ ...question, units: [top] })
  t.strictSame(answer, { is: 'asked', refused: ['start', 'stop', 'reset-failed'].map((verb) => ({ verb, unit: top })) })
})

t.test('a bus without polkit, and no bus at all', { skip: noPolkit }, async (t) => {
  await using bus = await openPolkit(null)
  const question = await use(t, bus.address)
  t.strictSame((await readRights({ ...question, units: [top] })).answer, { is: 'no-polkit' })
  await use(t, 'unix:path=/nowhere/bus')
  t.match((await readRights({ ...question, units: [top] })).answer, { is: 'unknown', reason: /Could not connect/ })
})

t.test('root needs no rule, nor does a manager’s own user', async (t) => {
  const root = { name: 'root', uid: 0, gid: 0 }
  const other = { name: 'x', uid: 4_242, gid: 4_242 }
  for (const [bus, account] of [
    ['system', root],
    ['private', other],
    ['unix:path=/run/user/4242/systemd/private', other],
  ] as const) {
    t.strictSame((await readRights({ bus, account, pid: 0, units: [top] })).answer, { is: 'not-needed' }, bus)
  }
})
