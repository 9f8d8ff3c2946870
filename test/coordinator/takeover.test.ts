import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { socketDoor } from '../../coordinator/http/access.ts'
import type { ApiParts } from '../../coordinator/http/api.ts'
import { listenOnSocket } from '../../coordinator/http/listen.ts'
import { createApi } from '../../coordinator/http/server.ts'
import { aFleet, aPlan } from './http/api-parts.ts'

const main = join(import.meta.dirname, '../../bin/guardian.ts')
const seen = (epoch: number) => ({ epoch, instance: 'd'.repeat(32), revision: 1 })

t.test('who is excused stays so, also where another coordinator was seen meanwhile', async (t) => {
  const { parts } = aFleet({ plan: aPlan(['web1', 'web2']), state: { superseded: { host: 'web1', seen: seen(9) } } })
  const tell: ApiParts['tell'] = async (happening) => {
    const answer = await parts.tell(happening)
    if (happening.type === 'takeover-asked' && happening.request.dryRun) {
      const message = { type: 'error', code: 'superseded', message: '', seen: seen(40) } as const
      await parts.tell({ type: 'told', host: 'web1', link: 'refused', message })
    }
    return answer
  }
  const app = createApi({ ...parts, tell }, socketDoor)
  t.teardown(() => app.close())
  const dir = mkdtempSync(join(tmpdir(), 'guardian-takeover-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const socket = join(dir, 'api.sock')
  await listenOnSocket(app, socket)
  const argv = ['coordinator', 'takeover', '--socket', socket, '--yes', '--json', '--wait', '0s', '--excuse', 'web2']
  const child = spawn(process.execPath, ['--import=tsx', main, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const { claim, awaiting } = JSON.parse(stdout)
  t.equal(claim.epoch, 41)
  t.strictSame(awaiting, ['web1'])
})
