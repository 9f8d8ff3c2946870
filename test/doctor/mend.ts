import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Finding } from '../../doctor/core/finding.ts'
import type { Manager } from '../hosts/manager.ts'

/** Does what a finding says: writes its file, and runs those of its commands that are systemctl's. */
export async function mend(host: Manager, { write, run }: Finding): Promise<void> {
  if (write !== null) {
    await mkdir(dirname(write.path), { recursive: true })
    await writeFile(write.path, `${write.lines.join('\n')}\n`)
  }
  for (const command of run) {
    const [program, ...words] = command.split(' ')
    if (program === 'systemctl') await host.systemctl(...words.filter((word) => word !== '--user'))
  }
}
