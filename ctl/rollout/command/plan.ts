import * as v from 'valibot'
import type { Context, Run } from '../../context.ts'
import { decodeOptions } from '../../settings.ts'
import { rolloutClient } from '../client.ts'
import { planEntries } from '../plan-options.ts'
import { makePlan, showPlan } from '../planning.ts'

/** Makes a plan and shows it. */
export const run: Run = async (context: Context, _args, from) => {
  const options = decodeOptions(v.object(planEntries), from)
  const client = await rolloutClient(context)
  return showPlan(context, client, await makePlan(context, client, options))
}
