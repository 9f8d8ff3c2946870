import type { ApiClient } from '../../daemon/api-client.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Context } from '../context.ts'

/** @throws GuardianError where --direct was asked of what only a coordinator can answer */
export function coordinatorOnly(context: Context, command: string): Promise<ApiClient> {
  if (context.settings.direct === null) return context.client()
  throw new GuardianError(
    'bad-request',
    `${command} is what a coordinator knows: leave --direct out, or use it with status, drain, undrain or ping`,
  )
}
