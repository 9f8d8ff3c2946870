import * as v from 'valibot'
import { hostName } from '../../../protocol/names.ts'
import type { Run } from '../../context.ts'
import { decodeOptions } from '../../settings.ts'
import { rolloutClient } from '../client.ts'
import { explanationLines } from '../render/history.ts'

export const run: Run = async (context, [word]) => {
  const { host } = decodeOptions(v.object({ host: hostName }), { host: word })
  const client = await rolloutClient(context)
  const explanation = await client.explain(host)
  if (context.settings.json) context.printJson(explanation)
  else context.print(explanationLines(context.style, explanation))
  return 0
}
