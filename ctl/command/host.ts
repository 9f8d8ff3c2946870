import { fleetStatus } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Run } from '../context.ts'
import { hostLines } from '../render/hosts.ts'
import { someOf } from '../render/style.ts'
import { coordinatorOnly } from './coordinator-only.ts'

export const run: Run = async (context, [name = '']) => {
  const client = await coordinatorOnly(context, 'host')
  const { hosts, nowMs } = await client.get('/v1/status', fleetStatus, { signal: context.signal })
  const host = hosts.find((one) => one.name === name)
  if (host === undefined) {
    throw new GuardianError(
      'unknown-host',
      `no host is named ${name}; there are ${someOf(hosts.map((one) => one.name))}`,
    )
  }
  if (context.settings.json) context.printJson(host)
  else context.print(hostLines(context.style, host, nowMs))
  return host.connected ? 0 : 4
}
