import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const polkitd = '/usr/lib/polkit-1/polkitd'

/** Why this machine cannot run a polkit of its own; false where it can. */
export const noPolkit =
  process.getuid?.() !== 0
    ? 'a polkit of its own needs root'
    : [polkitd, '/usr/bin/pkcheck', '/usr/bin/dbus-daemon'].every(existsSync)
      ? false
      : 'no polkitd, pkcheck or dbus-daemon here'

/** A system bus, with a real polkit on it that knows these rules and no others; null for none. */
export interface Polkit extends AsyncDisposable {
  readonly address: string
}

export async function openPolkit(rules: string | null): Promise<Polkit> {
  const root = await mkdtemp(join(tmpdir(), 'guardian-polkit-'))
  for (const each of ['rules', 'services']) await mkdir(join(root, each))
  await writeFile(join(root, 'rules/50-test.rules'), rules ?? '')
  const service = `[D-BUS Service]\nName=org.freedesktop.PolicyKit1\nExec=${polkitd} --no-debug\n`
  if (rules !== null) await writeFile(join(root, 'services/org.freedesktop.PolicyKit1.service'), service)
  await writeFile(join(root, 'bus.conf'), busConfig(root))
  // Polkit drops its rights, and reads the rules only after it has.
  for (const each of ['.', 'rules', 'rules/50-test.rules']) await chmod(join(root, each), 0o755)
  const address = `unix:path=${join(root, 'bus')}`
  // Where polkit looks for rules is built in, so they lie under a mount that it alone sees.
  const script = `mount --bind '${root}/rules' /etc/polkit-1/rules.d && exec dbus-daemon --config-file='${root}/bus.conf' --nofork --nopidfile --print-address=1`
  const bus = spawn('unshare', ['--mount', 'sh', '-c', script], {
    env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: address },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(bus, 'close')
  const isUp = await Promise.race([once(bus.stdout, 'data').then(() => true), ended.then(() => false)])
  const close = async (): Promise<void> => {
    // Polkit goes with its bus.
    bus.kill()
    await ended
    await rm(root, { recursive: true })
  }
  if (isUp) return { address, [Symbol.asyncDispose]: close }
  await close()
  throw new Error('no bus of its own: dbus-daemon ended at once')
}

function busConfig(root: string): string {
  return `<busconfig>
  <listen>unix:path=${root}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${root}/services</servicedir>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
`
}
