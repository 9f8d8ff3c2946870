import * as v from 'valibot'
import type { Verdict } from '../../daemon/probe.ts'

const sample = v.tuple([v.number(), v.string()])
const answer = v.variant('status', [
  v.object({
    status: v.literal('success'),
    data: v.variant('resultType', [
      v.object({ resultType: v.picklist(['scalar', 'string']), result: sample }),
      v.object({ resultType: v.literal('vector'), result: v.array(v.object({ value: sample })) }),
      v.object({ resultType: v.literal('matrix'), result: v.array(v.unknown()) }),
    ]),
  }),
  v.object({ status: v.literal('error'), errorType: v.string(), error: v.string() }),
])

const answerBytesMax = 1024 * 1024

/** Asks a Prometheus: holds where the first value of the answer is a number other than zero. */
export async function askPrometheus(address: string, query: string, signal: AbortSignal): Promise<Verdict> {
  const base = address.endsWith('/') ? address : `${address}/`
  const url = new URL('api/v1/query', base)
  const body = new URLSearchParams({ query })
  const response = await fetch(url, { method: 'POST', body, signal, redirect: 'error' }).catch(rethrowCause)
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), answer), await textOf(response))
  if (!read.success) return { ready: false, reason: `status ${response.status}, and no answer of a Prometheus` }
  return verdictOf(read.output)
}

/** What fetch fails of stands behind its "fetch failed". */
function rethrowCause(cause: unknown): never {
  throw cause instanceof TypeError && cause.cause instanceof Error ? cause.cause : cause
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > answerBytesMax) throw new Error('the answer is too long')
  }
  return text
}

function verdictOf(said: v.InferOutput<typeof answer>): Verdict {
  if (said.status === 'error') return { ready: false, reason: `${said.errorType}: ${said.error}` }
  const { data } = said
  if (data.resultType === 'matrix') return { ready: false, reason: 'a range of values, not one of now' }
  const value = data.resultType === 'vector' ? data.result[0]?.value[1] : data.result[1]
  if (value === undefined) return { ready: false, reason: 'an empty answer' }
  const number = Number(value.replace('Inf', 'Infinity'))
  return { ready: number !== 0 && !Number.isNaN(number), reason: `the value is ${value}` }
}
