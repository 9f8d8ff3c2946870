import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { install } from '../../install/install.ts'
import { asked, fakeWorld, layOut, treeOf, webHost } from './machine.ts'

const units = '/etc/systemd/system'

t.test('a dry run writes nothing and shows each file', async (t) => {
  const root = t.testdir()
  const world = fakeWorld({ isRoot: false })
  await install(asked('agent', root, { dryRun: true }), world)
  t.strictSame(await treeOf(root), {})
  const text = world.said.join('\n')
  t.match(
    text,
    `would write ${units}/io-databases.target\n    # Written by "guardian install agent", removed by "guardian`,
  )
  t.match(text, '\n    AssertPathExists=!/var/lib/io-guardian/drained/io-databases\n')
  t.match(text, `would link ${units}/multi-user.target.wants/io-guardian.service -> ${units}/io-guardian.service`)
})

const root = process.getuid?.() === 0 && 'root may look everywhere'
t.test('a dry run by somebody who may not look everywhere says so', { skip: root }, async (t) => {
  const root = t.testdir()
  await install(asked('agent', root), fakeWorld())
  const world = fakeWorld({ isRoot: false })
  const rules = '/etc/polkit-1/rules.d'
  await chmod(join(root, rules), 0)
  await install(asked('agent', root, { dryRun: true }), world)
  await chmod(join(root, rules), 0o755)
  t.equal(world.said.at(-1), `next: run it as root to be sure: ${rules}/50-io-guardian.rules may not be looked at`)
})

t.test('a dry run knows the dependents that it would guard', async (t) => {
  const root = t.testdir()
  await layOut(root, webHost)
  const world = fakeWorld()
  await install(asked('agent', root, { dryRun: true, dependents: ['web'] }), world)
  t.notMatch(world.said.join('\n'), /next: name what depends/)
})
