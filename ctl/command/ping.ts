import { pathWith } from '../../daemon/api-client.ts'
import type { ExitCode } from '../../daemon/outcome.ts'
import { type PingAnswer, pingAnswer } from '../../protocol/api.ts'
import type { Context, Run } from '../context.ts'
import { pingLines } from '../render/hosts.ts'

export const run: Run = async (context, [selector = '*']) => {
  const { answer, exit } = await ping(context, selector)
  if (context.settings.json) context.printJson(answer)
  else context.print(pingLines(context.style, answer))
  return exit
}

async function ping(
  context: Context,
  selector: string,
): Promise<{ readonly answer: PingAnswer; readonly exit: ExitCode }> {
  if (context.settings.direct !== null) {
    const { pingDirectly } = await import('../direct/ping.ts')
    return pingDirectly(context, selector)
  }
  const client = await context.client()
  const limitMs = context.settings.timeoutMs ?? 10_000
  const answer = await client.get(pathWith('/v1/ping', { selector }), pingAnswer, { signal: context.signal, limitMs })
  return { answer, exit: answer.hosts.every(({ roundTripMs }) => roundTripMs !== null) ? 0 : 4 }
}
