import { join } from 'node:path'
import t from 'tap'
import { kernelBootId, readBootId } from '../../daemon/clock.ts'

const ours = '0123456789abcdef0123456789abcdef'

t.test('the boot id is the kernel’s, or what systemd says it is', async (t) => {
  t.match(await readBootId(kernelBootId), /^[0-9a-f]{32}$/)
  process.env.GUARDIAN_BOOT_ID = ours
  t.teardown(() => delete process.env.GUARDIAN_BOOT_ID)
  t.equal(await readBootId(kernelBootId), ours)
  process.env.GUARDIAN_BOOT_ID = '01234567-89ab-cdef-0123-456789abcde'
  await t.rejects(readBootId(kernelBootId), { code: 'bad-config' })
})

t.test('a file that a configuration names is taken at its word', async (t) => {
  process.env.GUARDIAN_BOOT_ID = ours
  t.teardown(() => delete process.env.GUARDIAN_BOOT_ID)
  const dir = t.testdir({ id: 'fedcba98-7654-3210-fedc-ba9876543210\n', bad: 'none' })
  t.equal(await readBootId(join(dir, 'id')), 'fedcba9876543210fedcba9876543210')
  await t.rejects(readBootId(join(dir, 'bad')), { code: 'bad-config', message: /32 hex digits/ })
  await t.rejects(readBootId(join(dir, 'none')), { code: 'bad-config', message: /cannot be read/ })
})
