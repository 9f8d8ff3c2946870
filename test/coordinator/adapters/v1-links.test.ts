import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { type LinkPlan, openAgentLinks } from '../../../coordinator/adapters/agent-links.ts'
import type { HostDial } from '../../../coordinator/config.ts'
import { randomId } from '../../../daemon/clock.ts'
import { generateKey, Key } from '../../../protocol/keys.ts'
import { openV1Servers, type V1Outcome, type V1ServersOptions } from '../../fakes/v1-server.ts'
import { recordLinks } from './link-events.ts'

const key = new Key(generateKey())
const claim = { epoch: 3, instance: randomId(), revision: 5 }

t.test('a v1 host is drained and undrained, and dialled again when it is cut', async (t) => {
  const { servers, links, next } = await openV1(t, {})
  const up = await next('link-up-v1')
  links.sendV1('old1', up.link, 'drain')
  t.match(await next('told-v1'), { host: 'old1', link: up.link, action: 'drain', ok: true })
  t.ok((await links.measure('old1', 2_000)) ?? -1 >= 0)
  servers.cut()
  t.equal((await next('link-down')).link, up.link)
  const again = await next('link-up-v1')
  links.sendV1('old1', again.link, 'undrain')
  t.match(await next('told-v1'), { action: 'undrain', ok: true })
})

t.test('an order that fails is told with its text', async (t) => {
  const { links, next } = await openV1(t, { carryOut: () => ({ ok: false, text: 'no such unit' }) })
  const { link } = await next('link-up-v1')
  links.sendV1('old1', link, 'drain')
  t.match(await next('told-v1'), { ok: false, text: 'no such unit' })
})

for (const ok of [true, false]) {
  t.test(
    `a server that is busy with an order is not taken for dead, ${ok ? '' : 'also where the order fails'}`,
    async (t) => {
      let finish: () => void = () => {}
      const order = new Promise<V1Outcome>((resolve) => {
        finish = () => resolve({ ok, text: '' })
      })
      const heartbeat = { everyMs: 10, lostMs: 40 }
      const { links, next, all } = await openV1(t, { carryOut: () => order }, { heartbeat })
      const { link } = await next('link-up-v1')
      links.sendV1('old1', link, 'drain')
      setTimeout(finish, 200)
      const told = await next('told-v1')
      t.match(told, { ok })
      await next('round-trip', (event) => all.indexOf(event) > all.indexOf(told))
      t.equal(all.filter(({ type }) => type === 'link-down').length, 0)
    },
  )
}

t.test('a host that is not marked v1 never sees a raw key', async (t) => {
  const seen: Buffer[] = []
  const listener = createServer((socket) => socket.on('data', (bytes) => seen.push(bytes)).on('error', () => {}))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => listener.close())
  const bound = listener.address()
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0
  listener.on('connection', (socket) => socket.once('data', () => setImmediate(() => socket.destroy())))
  const { next } = openLinks(t, planOf({ ...dialOf(port), protocol: 'v2' }))
  await next('link-down')
  t.ok(seen.length > 0)
  t.equal(seen[0]?.[0], 0x16, 'a TLS handshake and nothing else')
  t.notOk(Buffer.concat(seen).includes(key.line()))
})

async function openV1(t: Test, options: Partial<V1ServersOptions>, change: Partial<LinkPlan> = {}) {
  const servers = await openV1Servers({ key: key.line(), ...options })
  t.teardown(() => servers[Symbol.asyncDispose]())
  return { servers, ...openLinks(t, { ...planOf(dialOf(servers.port)), ...change }) }
}

function dialOf(port: number): HostDial {
  return { host: 'old1', address: '127.0.0.1', port, protocol: 'v1', keyName: 'old1' }
}

function planOf(dial: HostDial): LinkPlan {
  const keys = { keysOf: () => [key], v1: key, tls: null }
  return { dials: new Map([[dial.host, dial]]), keys, heartbeat: { everyMs: 4_000, lostMs: 12_000 }, v1OrderMs: 5_000 }
}

function openLinks(t: Test, plan: LinkPlan) {
  const { all, emit, next } = recordLinks()
  const onBug = (cause: unknown): void => void t.fail(String(cause))
  const links = openAgentLinks({ plan, claim: () => claim, build: 'test', emit, onBug, chance: () => 0.1 })
  t.teardown(() => links.close())
  return { links, all, next }
}
