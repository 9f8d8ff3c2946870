import * as v from 'valibot'
import { GuardianError } from './errors.ts'
import { drainCommand, progress, response, undrainCommand } from './v2/command.ts'
import { agentHello, clientHello } from './v2/hello.ts'
import { jobCommand, jobLog } from './v2/job.ts'
import { ping, pong, refusal, statusRequest } from './v2/ping.ts'
import { report } from './v2/report.ts'

export const command = v.variant('action', [drainCommand, undrainCommand])
export type Command = v.InferOutput<typeof command>

/** Everything that a client says to an agent. */
export const clientMessage = v.variant('type', [clientHello, command, ping, statusRequest, jobCommand])
export type ClientMessage = v.InferOutput<typeof clientMessage>

/** Everything that an agent says to a client; tried in this order, so what thousands say at once comes first. */
export const agentMessage = v.variant('type', [response, report, progress, pong, agentHello, refusal, jobLog])
export type AgentMessage = v.InferOutput<typeof agentMessage>

export const decodeClientMessage = (frame: string): ClientMessage => decode(clientMessage, frame)
export const decodeAgentMessage = (frame: string): AgentMessage => decode(agentMessage, frame)

function decode<T>(schema: v.GenericSchema<unknown, T>, frame: string): T {
  const result = v.safeParse(schema, parse(frame), { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  throw new GuardianError(
    'bad-message',
    `not a message of io-guardian.v2: ${v.getDotPath(issue) ?? 'type'} is not as expected`,
  )
}

function parse(frame: string): unknown {
  try {
    return JSON.parse(frame)
  } catch {
    throw new GuardianError('bad-message', 'not JSON')
  }
}
