import { readFile } from 'node:fs/promises'
import t from 'tap'
import { build } from '../../daemon/build.ts'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

t.test('the package has the version of the program', async (t) => {
  t.match(await read('debian/changelog'), `guardian (${build.split(' ')[1]}) `)
})

t.test('maintainer scripts touch no gate, wait unit or target', async (t) => {
  const [, units = ''] = /^\tdh_installsystemd (.*)$/m.exec(await read('debian/rules')) ?? []
  t.equal(units, '--no-enable io-guardian.service io-guardian-coordinator.service')
})
