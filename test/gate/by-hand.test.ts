import t from 'tap'
import { monotonicMs } from '../../daemon/clock.ts'
import { drainByHand } from '../../gate/by-hand.ts'
import type { HostProgress } from '../../protocol/api.ts'
import { generateKey, Key } from '../../protocol/keys.ts'

const hourMs = 3_600_000

t.test('a wave whose hosts have all come to an end keeps the next one waiting no longer', async (t) => {
  const keys = [new Key(generateKey())]
  const dial = { address: '127.0.0.1', port: 1, protocol: 'v2', keys } as const
  const shown: HostProgress[] = []
  await drainByHand({
    targets: [{ target: 'io-databases', waves: [['web1'], ['app1']], waveLimitMs: hourMs }],
    hosts: [
      { ...dial, host: 'web1' },
      { ...dial, host: 'app1' },
    ],
    // So near that nobody is dialled twice, while a host that is gone has its hour.
    mandate: { authority: { kind: 'gate', resource: 'redis' }, build: 'test', deadlineMs: monotonicMs() + 100 },
    times: { deadlineMs: hourMs, agentDeadlineMs: hourMs, halfMs: Number.POSITIVE_INFINITY },
    graceMs: hourMs,
    hold: { id: 'redis/0/1', owner: 'gate:redis', message: '', sinceMs: 0, selector: '*', except: [] },
    show: (hosts) => void shown.push(...hosts),
  })
  t.strictSame(
    shown.map(({ host, is }) => `${host} ${is}`),
    ['web1 waiting', 'app1 waiting', 'web1 moving', 'web1 unreachable', 'app1 moving', 'app1 unreachable'],
  )
})
