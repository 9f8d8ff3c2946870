import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { accountOf, findAccount, groupName, groupsOf, may } from '../../../doctor/adapters/accounts.ts'
import { service, unit } from '../core/shapes.ts'

const isRoot = process.getuid?.() === 0

t.test('whose processes a unit’s are', async (t) => {
  const own = await findAccount(process.getuid?.() ?? 0)
  t.strictSame(await accountOf(null), own)
  const running = unit('x.service', { service: service({ mainPid: process.pid, user: 'nobody' }) })
  t.strictSame(await accountOf(running), own, 'what runs counts')
  const stopped = unit('x.service', { service: service({ user: 'nobody' }) })
  t.match(await accountOf(stopped), { name: 'nobody' })
  const unknown = unit('x.service', { service: service({ user: 'no-such-user' }) })
  t.match(await accountOf(unknown), { name: 'no-such-user' })
  t.equal(await groupName(0), 'root')
  t.equal(await groupName(4_242_424), '4242424')
  t.strictSame(await groupsOf('no-such-user'), [])
})

t.test('what another user may do', { skip: isRoot ? false : 'only root may ask in the name of others' }, async (t) => {
  const nobody = await findAccount('nobody')
  if (nobody === null) throw new Error('this machine has no user nobody')
  // Not below this tree, through which not everybody may pass.
  const dir = await mkdtemp(join(tmpdir(), 'guardian-may-'))
  t.teardown(() => rm(dir, { recursive: true }))
  await chmod(dir, 0o755)
  await writeFile(join(dir, 'own'), '', { mode: 0o600 })
  await writeFile(join(dir, 'free'), '', { mode: 0o644 })
  t.strictSame(
    [await may(nobody, 'read', join(dir, 'own')), await may(nobody, 'read', join(dir, 'free'))],
    [false, true],
  )
  t.equal(await may(nobody, 'write', dir), false)
  await chmod(dir, 0o777)
  t.equal(await may(nobody, 'write', dir), true)
  t.equal(await may({ name: 'no-such-user', uid: 4_242_424, gid: 1 }, 'read', dir), null)
})
