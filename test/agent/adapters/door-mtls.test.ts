import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { Secrets } from '../../../agent/keys.ts'
import { dialAgent } from '../../../daemon/dial.ts'
import { openRig } from './door-rig.ts'

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
  for (const each of [link, again]) each.close()
})

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
