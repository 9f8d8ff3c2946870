import * as v from 'valibot'
import { hostName } from '../../../protocol/names.ts'
import type { Run } from '../../context.ts'
import { decodeOptions } from '../../settings.ts'
import { rolloutClient } from '../client.ts'
import { historyLines } from '../render/history.ts'

export const run: Run = async (context, [word]) => {
  const host = word === undefined ? undefined : decodeOptions(v.object({ host: hostName }), { host: word }).host
  const client = await rolloutClient(context)
  const list = await client.list(host)
  if (context.settings.json) context.printJson(list)
  else context.print(historyLines(context.style, list))
  return 0
}
