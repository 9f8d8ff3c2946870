import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fitted, forTarget, type TargetUnits, waitUnitOf } from '../../install/unit-text.ts'
import { run } from '../hosts/manager.ts'

const shipped = fileURLToPath(new URL('../../units', import.meta.url))
const storage: TargetUnits = { name: 'storage', unit: 'io-storage.target' }
const exposureMax = 1.5
/** Root's own, which writes the loader and the profiles of the store. */
const rootMax = 6.5

async function shippedUnits(): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(shipped)).filter((name) => /\.(service|target|timer)$/.test(name))
  return new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)))
}

function read(name: string): Promise<string> {
  return readFile(join(shipped, name), 'utf8')
}

async function generatedUnits(): Promise<ReadonlyMap<string, string>> {
  const target = await read('io-databases.target')
  const wait = await read('wait-for-io-databases.service')
  return new Map([
    [storage.unit, forTarget(target, storage)],
    [waitUnitOf(storage), forTarget(wait, storage)],
  ])
}

const { PATH = '' } = process.env
const analyze = (args: readonly string[], units: string) =>
  run('systemd-analyze', args, { PATH, SYSTEMD_UNIT_PATH: `${units}:`, SYSTEMD_EMOJI: '0', LANG: 'C.UTF-8' })

t.test('systemd finds nothing to say about any unit, those of another target included', async (t) => {
  const units = new Map([...(await shippedUnits()), ...(await generatedUnits())])
  t.ok(units.size >= 8)
  for (const notifies of [true, false]) {
    const dir = t.testdir()
    const fit = { program: process.execPath, notifies, credential: notifies }
    for (const [name, text] of units) await writeFile(join(dir, name), fitted(text, fit))
    const files = [...units.keys()].map((name) => join(dir, name))
    t.strictSame(await analyze(['verify', ...files], dir), { code: 0, stdout: '', stderr: '' }, `${notifies}`)
  }
})

t.test(`each service is exposed by at most ${exposureMax}`, async (t) => {
  const services = [...(await shippedUnits()).keys()].filter((name) => name.endsWith('.service'))
  t.equal(services.length, 8)
  for (const name of services) {
    const max = name.startsWith('io-guardian-rebuild') ? rootMax : exposureMax
    const { stdout } = await analyze(['security', '--offline=true', '--no-pager', join(shipped, name)], shipped)
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])
    t.ok(exposure <= max, `${name}: ${exposure}`)
  }
})

/** Sections and settings in their order, without values. */
function structureOf(text: string): readonly string[] {
  return [...text.matchAll(/^(\[\w+\]|\w+=)/gm)].map(([line]) => line)
}

t.test('the units of another target are those of io-databases with its names', async (t) => {
  const generated = await generatedUnits()
  for (const [from, to] of [
    ['io-databases.target', storage.unit],
    ['wait-for-io-databases.service', waitUnitOf(storage)],
  ] as const) {
    const text = generated.get(to) ?? ''
    t.strictSame(structureOf(text), structureOf(await read(from)), to)
    t.notMatch(text, 'io-databases')
    t.match(text, 'AssertPathExists=!/var/lib/io-guardian/drained/storage\n')
  }
  t.match(generated.get(storage.unit), 'Requires=wait-for-io-storage.service\n')
  t.match(generated.get(waitUnitOf(storage)), 'PartOf=io-storage.target\n')
  t.match(generated.get(waitUnitOf(storage)), '--target storage\n')
  const twin = { name: 'io-databases-2', unit: 'io-databases-2.target' }
  t.match(forTarget('Requires=wait-for-io-databases.service', twin), /^Requires=wait-for-io-databases-2\.service$/)
})

t.test('whatever stops or reloads a unit needs no credential, for systemd shows it none', async (t) => {
  for (const [name, text] of await shippedUnits()) {
    if (text.includes('LoadCredential=')) t.notMatch(text, /^Exec(Stop|StopPost|Reload)=.*guardian/m, name)
  }
})

t.test('whatever asks for the boot is told by systemd which one it is', async (t) => {
  for (const [name, text] of await shippedUnits()) {
    if (!/^Exec\w+=\S*guardian /m.test(text)) continue
    t.match(text, 'Environment=GUARDIAN_BOOT_ID=%b\n', name)
  }
})

t.test('a unit is fitted to what is here', async (t) => {
  for (const [name, text] of await shippedUnits()) {
    const whole = { program: '/usr/bin/guardian', notifies: true, credential: true }
    t.equal(fitted(text, whole), text, name)
    t.notMatch(fitted(text, { ...whole, notifies: false }), /Type=notify|WatchdogSec/, name)
    t.notMatch(fitted(text, { ...whole, credential: false }), 'psk', name)
    t.notMatch(fitted(text, { ...whole, program: '/opt/node /opt/guardian.js' }), '/usr/bin/guardian', name)
  }
})
