import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import t from 'tap'
import type { Secrets } from '../../../agent/keys.ts'
import { dialAgent } from '../../../daemon/dial.ts'
import { until } from '../../hosts/until.ts'
import { openRig, openTcp } from './door-rig.ts'

const run = promisify(execFile)
const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
)

t.test('certificates in the place of keys', { skip: hasOpenssl ? false : 'needs openssl' }, async (t) => {
  const [ours, theirs] = [join(t.testdir(), 'ours'), join(t.testdirName, 'theirs')]
  const server = await issue(ours, 'web1')
  const client = await issue(ours, 'coordinator')
  const stranger = await issue(theirs, 'coordinator')
  await using rig = await openRig({ v2: [], v1: [], tls: server })
  const dial = (tls: NonNullable<Secrets['tls']>) =>
    dialAgent({
      address: '127.0.0.1',
      port: rig.port,
      host: 'web1',
      keys: [],
      tls,
      authority: { kind: 'direct', operator: 'x' },
      build: 't',
      limitMs: 5_000,
    })
  const link = await dial(client)
  t.equal(link.hello.host, 'web1')
  await t.rejects(dial({ ...stranger, ca: client.ca }), { code: 'unauthorised' })
  rig.secrets = { v2: [], v1: [], tls: await issue(ours, 'web1') }
  rig.door.keysChanged()
  const again = await dial(client)
  t.equal(again.hello.host, 'web1', 'a new certificate is taken without a restart')
  const ends: string[] = []
  link.listen({ message: () => {}, closed: (reason) => ends.push(reason) })
  const both = Buffer.concat([client.ca, stranger.ca])
  rig.secrets = { v2: [], v1: [], tls: { ...server, ca: both } }
  rig.door.keysChanged()
  const other = await dial({ ...stranger, ca: client.ca })
  t.strictSame(ends, [], 'a further CA ends no link')
  const half = await openTcp(rig.port)
  half.write(await clientHello())
  await once(half, 'data')
  const cut = once(half.resume(), 'close')
  rig.secrets = { v2: [], v1: [], tls: { ...server, ca: stranger.ca } }
  rig.door.keysChanged()
  await until('the link is closed', () => ends.length === 1)
  t.strictSame(ends, ['the key was removed'])
  await cut
  t.notOk(rig.failures.includes('late'), 'a handshake under way is begun anew')
  await t.rejects(dial(client), { code: 'unauthorised' })
  const last = await dial({ ...stranger, ca: client.ca })
  for (const each of [again, other, last]) each.close()
})

/** The first bytes of a client that then says no more. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer()
  const hello = new Promise<Buffer>((resolve) => listener.on('connection', (socket) => socket.once('data', resolve)))
  const port = await listening(listener)
  const client = connect({ port, host: '127.0.0.1' }).on('error', () => {})
  const bytes = await hello
  client.destroy()
  listener.close()
  return bytes
}

function listening(listener: Server): Promise<number> {
  return new Promise((resolve) => {
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

/** A certificate of the CA in a directory, which is made where there is none. */
async function issue(directory: string, host: string): Promise<NonNullable<Secrets['tls']>> {
  const at = (file: string): string => join(directory, file)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const isNew = (await mkdir(directory, { recursive: true })) !== undefined
  if (isNew)
    await run('openssl', ['req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=ca'])
  await run('openssl', ['req', ...newKey, '-keyout', at('key'), '-out', at('csr'), '-subj', `/CN=${host}`])
  await writeFile(at('ext'), `subjectAltName=DNS:${host}\n`)
  const signer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('ext')]
  await run('openssl', ['x509', '-req', '-in', at('csr'), ...signer, '-out', at('crt')])
  const [key, cert, ca] = await Promise.all([readFile(at('key')), readFile(at('crt')), readFile(at('ca.crt'))])
  return { key, cert, ca }
}
