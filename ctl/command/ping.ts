import { pathWith } from '../../daemon/api-client.ts'
import { pingAnswer } from '../../protocol/api.ts'
import type { Run } from '../context.ts'
import { pingLines } from '../render/hosts.ts'

export const run: Run = async (context, [selector]) => {
  const answer = await (async () => {
    if (context.settings.direct !== null) {
      const { pingDirectly } = await import('../direct/ping.ts')
      return pingDirectly(context, selector)
    }
    const client = await context.client()
    const limitMs = context.settings.timeoutMs ?? 15_000
    return client.get(pathWith('/v1/ping', { selector }), pingAnswer, { signal: context.signal, limitMs })
  })()
  if (context.settings.json) context.printJson(answer)
  else context.print(pingLines(context.style, answer))
  return answer.hosts.every(({ roundTripMs }) => roundTripMs !== null) ? 0 : 4
}
