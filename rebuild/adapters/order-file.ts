import { constants, type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { codeOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { type JobOrder, jobRecord } from '../../protocol/rebuild.ts'

const bytesMax = 256 * 1024

/**
 * The order as it is at this moment, read once: what is checked is what is used, whatever becomes of the file. It lies
 * in a directory of the agent's, so a link, a pipe or a device in its place is none; nothing of a file that is no order
 * is ever told.
 * @throws GuardianError `not-found` or `bad-request`
 */
export async function readOrder(agentStateDir: string, job: string): Promise<JobOrder> {
  const path = join(agentStateDir, 'jobs', `${job}.json`)
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      throw new GuardianError(
        codeOf(cause) === 'ENOENT' ? 'not-found' : 'bad-request',
        `there is no order ${path}`,
        {},
        { cause },
      )
    },
  )
  try {
    const result = v.safeParse(v.pipe(v.string(), v.parseJson(), jobRecord), await textOf(file))
    if (result.success && result.output.order.job === job) return result.output.order
    throw new GuardianError('bad-request', `${path} is no order for job ${job}`)
  } finally {
    await file.close()
  }
}

async function textOf(file: FileHandle): Promise<string> {
  const found = await file.stat()
  if (!found.isFile() || found.size > bytesMax) return ''
  const buffer = Buffer.alloc(bytesMax)
  const { bytesRead } = await file.read(buffer, 0, bytesMax, 0)
  return buffer.toString('utf8', 0, bytesRead)
}
