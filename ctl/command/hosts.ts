import { fleetStatus } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { parseSelector } from '../../protocol/selector.ts'
import type { Run } from '../context.ts'
import { hostsLines } from '../render/hosts.ts'
import { coordinatorOnly } from './coordinator-only.ts'

export const run: Run = async (context, [selector = '*']) => {
  const matches = parseSelector(selector)
  const client = await coordinatorOnly(context, 'hosts')
  const status = await client.get('/v1/status', fleetStatus, { signal: context.signal })
  const hosts = status.hosts.filter(matches)
  if (hosts.length === 0 && selector !== '*') {
    throw new GuardianError(
      'nothing-selected',
      `${selector} selects none of ${status.hosts.length} hosts: see guardian ctl hosts`,
    )
  }
  if (context.settings.json) context.printJson({ hosts })
  else context.print(hostsLines(context.style, hosts))
  return 0
}
