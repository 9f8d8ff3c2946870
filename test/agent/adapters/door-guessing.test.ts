import t from 'tap'
import { dial, openRig, pingDuring, shake, wrongKey } from './door-rig.ts'

t.test('10,000 wrong keys from the same address do not keep the right one out', { timeout: 110_000 }, async (t) => {
  await using rig = await openRig()
  const link = await dial(rig.port)
  let refused = 0
  let dialled = 0
  const guess = async (): Promise<void> => {
    const socket = shake(rig.port, wrongKey)
    await new Promise<void>((resolve) => socket.once('error', () => resolve()).once('close', () => resolve()))
    socket.destroy()
    refused += 1
  }
  const { count, longestMs } = await pingDuring(link, async () => {
    const workers = Array.from({ length: 8 }, async () => {
      while (refused < 10_000) await guess()
    })
    while (refused < 9_000) {
      const proper = await dial(rig.port)
      proper.close()
      dialled += 1
    }
    await Promise.all(workers)
  })
  t.ok(count > 100)
  t.ok(dialled > 10)
  t.comment(`${count} pings, the longest ${longestMs.toFixed(0)} ms; ${dialled} new links meanwhile`)
  t.equal(rig.failures.filter((reason) => reason === 'crowded').length, 0)
  link.close()
})
