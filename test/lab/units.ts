import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Host } from './host.ts'
import type { Member } from './member.ts'
import { until } from './until.ts'

/** Units of a host that are not at rest. */
export async function restless({ host, units }: Member): Promise<readonly string[]> {
  const states = await host.states(units)
  return [...states].filter(([, state]) => state !== 'inactive' && state !== 'failed').map((each) => each.join(' '))
}

export async function untilState(host: Host, unit: string, wanted: string): Promise<void> {
  await until(`${unit} of ${host.name} is ${wanted}`, async () => (await host.show(unit, 'ActiveState')) === wanted)
}

/** Lines that an administrator adds to a unit, and takes away again. */
export async function dropIn(host: Host, unit: string, section: string, lines: readonly string[]) {
  const path = join(host.root, `etc/systemd/system/${unit}.d/lab.conf`)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `[${section}]\n${lines.join('\n')}\n`)
  await host.systemctl('daemon-reload')
  return {
    [Symbol.asyncDispose]: async () => {
      await rm(path)
      await host.systemctl('daemon-reload')
    },
  }
}

/** From now on a service goes on stopping until it is let go, or its host goes off. */
export async function heldUp(host: Host, unit: string, more: readonly string[] = []) {
  const sign = `/run/lab-${unit}`
  await host.run('rm', '-f', sign)
  const lines = await dropIn(host, unit, 'Service', [
    `ExecStop=/bin/sh -c 'until [ -e ${sign} ]; do sleep 0.1; done'`,
    ...more,
  ])
  return { ...lines, letGo: () => host.run('touch', sign) }
}
