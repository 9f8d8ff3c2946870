import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { HostRig } from './host-rig.ts'
import { openHostRig } from './host-rig.ts'

const hold = { id: 'a1', owner: 'operator:anna', message: 'new disk', sinceMs: 1, selector: '*', except: [] }
const mark = async ({ paths }: HostRig, text: string) => {
  await mkdir(join(paths.stateDir, 'drained'), { recursive: true })
  await writeFile(join(paths.stateDir, 'drained/io-databases'), text)
}
const unmark = ({ paths }: HostRig) => rm(join(paths.stateDir, 'drained/io-databases'))

interface Row {
  readonly name: string
  readonly fault: (rig: HostRig) => Promise<unknown>
  readonly undo: (rig: HostRig) => Promise<unknown>
  readonly found: readonly string[]
  readonly says: RegExp
}

const rows: readonly Row[] = [
  {
    name: 'a key that others may read',
    fault: ({ paths }) => chmod(paths.key, 0o644),
    undo: ({ paths }) => chmod(paths.key, 0o600),
    found: ['error secret-open'],
    says: /the key .*psk may be read by others \(mode 0644\)/,
  },
  {
    name: 'no key',
    fault: ({ paths }) => rename(paths.key, `${paths.key}.away`),
    undo: ({ paths }) => rename(`${paths.key}.away`, paths.key),
    found: ['error secret-missing'],
    says: /the key .*psk does not exist/,
  },
  {
    name: 'a drain that nobody has ended',
    fault: (rig) => mark(rig, JSON.stringify({ version: 1, holds: [hold] })),
    undo: unmark,
    found: ['warning hold-old'],
    says: /io-databases has been drained for \d+d.* by operator:anna \(new disk\)/,
  },
  {
    name: 'a marker that nobody can read',
    fault: (rig) => mark(rig, '{"version":1,"ho'),
    undo: unmark,
    found: ['error marker-unreadable'],
    says: /the marker .*io-databases cannot be read \(damaged\)/,
  },
  {
    name: 'another target, that there is not',
    async fault({ paths }) {
      const config: object = Object(JSON.parse(await readFile(paths.config, 'utf8')))
      await rename(paths.config, `${paths.config}.away`)
      await writeFile(paths.config, JSON.stringify({ ...config, targets: { 'io-storage': {} } }))
    },
    undo: ({ paths }) => rename(`${paths.config}.away`, paths.config),
    found: ['error target-missing'],
    says: /io-storage\.target has no unit file/,
  },
  {
    name: 'a configuration with two mistakes',
    async fault({ paths }) {
      await rename(paths.config, `${paths.config}.away`)
      await writeFile(paths.config, '{"hots": "web1", "listen": {"port": "9876"}}')
    },
    undo: ({ paths }) => rename(`${paths.config}.away`, paths.config),
    found: ['error config-wrong', 'error config-wrong'],
    says: /agent\.json: listen\.port: found "9876", must be a number/,
  },
  {
    name: 'the agent stopped',
    fault: ({ host }) => host.systemctl('stop', 'io-guardian.service'),
    undo: ({ host }) => host.systemctl('start', 'io-guardian.service'),
    found: ['error daemon-not-running'],
    says: /io-guardian\.service is inactive/,
  },
  {
    name: 'the agent not enabled',
    fault: ({ host }) => host.systemctl('disable', 'io-guardian.service'),
    undo: ({ host }) => host.systemctl('enable', 'io-guardian.service'),
    found: ['error daemon-not-enabled'],
    says: /nothing starts io-guardian\.service at boot/,
  },
  {
    name: 'no state directory',
    fault: ({ paths }) => rename(paths.stateDir, `${paths.stateDir}.away`),
    undo: ({ paths }) => rename(`${paths.stateDir}.away`, paths.stateDir),
    found: ['error state-dir-missing'],
    says: /the state directory .* does not exist/,
  },
]

t.test('an agent’s host: each fault is named, and nothing else is', async (t) => {
  await using rig = await openHostRig([{ unit: 'app.service' }])
  t.strictSame(await rig.findings(), [])
  for (const { name, fault, undo, found, says } of rows) {
    await t.test(name, async (t) => {
      await fault(rig)
      const findings = await rig.findings()
      await undo(rig)
      t.strictSame(
        findings.map(({ severity, rule }) => `${severity} ${rule}`),
        found,
      )
      t.match(findings[0]?.found, says)
    })
  }
  await t.test('the program says the same, to a person and to a script', async (t) => {
    const ask = (...words: readonly string[]) => rig.doctor('--config', rig.paths.config, ...words)
    t.match(await ask(), {
      code: 0,
      stdout: `nothing is wrong; looked at the agent (${rig.paths.config})\n`,
      stderr: '',
    })
    await chmod(rig.paths.key, 0o644)
    const told = await ask()
    t.match(told, { code: 3, stderr: '' })
    t.match(
      told.stdout,
      /^error: the key .*\n {2}should be: nobody but .*\n {2}do: chmod go= .*\n.*\n\n1 error, 0 warnings;/,
    )
    const json = await ask('--json')
    t.equal(json.code, 3)
    t.match(JSON.parse(json.stdout), { findings: [{ severity: 'error', rule: 'secret-open', write: null }] })
    const nobody = await ask('--bus', 'unix:path=/nowhere')
    t.match(nobody, { code: 3, stdout: /systemd does not answer on bus "unix:path=\/nowhere"/ })
    await chmod(rig.paths.key, 0o600)
    await rig.host.systemctl('disable', 'app.service')
    t.match(await ask(), { code: 0, stdout: /^warning: nothing starts app\.service when .*\n\n0 errors, 1 warning;/s })
    t.match(await ask('--hots'), { code: 2, stdout: '', stderr: /guardian doctor: Unknown option '--hots'/ })
  })
})
