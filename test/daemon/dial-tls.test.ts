import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { dialAgent } from '../../daemon/dial.ts'
import { readTlsFailure, type TlsFiles } from '../../daemon/dial-tls.ts'
import { openPskServer } from './psk-server.ts'

const run = promisify(execFile)
const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
)

t.test('mTLS with a private CA', { skip: hasOpenssl ? false : 'needs openssl' }, async (t) => {
  const directory = t.testdir()
  const ours = await makeCa(directory, 'ours')
  const theirs = await makeCa(directory, 'theirs')
  const server = await ours('web1')
  await using agent = await openPskServer([], greet, server)
  const dial = (host: string, tls: TlsFiles) =>
    dialAgent({
      address: '127.0.0.1',
      port: agent.port,
      host,
      keys: [],
      tls,
      authority: { kind: 'direct', operator: 'test' },
      build: 'test',
      limitMs: 5_000,
    })
  const client = await ours('coordinator')
  const links = [await dial('web1', client), await dial('web1', client)]
  t.match(links[0], { hello: { host: 'web1' }, keyId: null })
  t.equal(agent.sessionsReused(), 0)
  for (const link of links) link.close()
  await t.rejects(dial('web2', client), { code: 'unauthorised', message: /^web2: its certificate is not/ })
  const stranger = await theirs('coordinator')
  await t.rejects(dial('web1', stranger), { code: 'unauthorised', message: /^web1: its certificate is not/ })
  await t.rejects(dial('web1', { ...stranger, ca: client.ca }), {
    code: 'unauthorised',
    message: 'web1: the agent does not accept our certificate',
  })
})

t.test('what is no failure of TLS is left to others', async (t) => {
  t.equal(readTlsFailure(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })), null)
  t.equal(readTlsFailure('a text'), null)
})

function greet(socket: { send(text: string): void }): void {
  const targets: readonly string[] = []
  const hello = { type: 'hello', version: 2, host: 'web1', bootId: '0'.repeat(32), build: 'test', seen: null }
  socket.send(JSON.stringify({ ...hello, targets, clockMs: 0 }))
}

/** Resolves with what issues certificates for a name. */
async function makeCa(directory: string, name: string): Promise<(host: string) => Promise<TlsFiles>> {
  const at = (file: string): string => join(directory, `${name}-${file}`)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await run('openssl', [
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
    '-subj',
    `/CN=${name}`,
  ])
  return async (host) => {
    const [key, csr, crt, ext] = [at(`${host}.key`), at(`${host}.csr`), at(`${host}.crt`), at(`${host}.ext`)]
    await run('openssl', ['req', ...newKey, '-keyout', key, '-out', csr, '-subj', `/CN=${host}`])
    await writeFile(ext, `subjectAltName=DNS:${host}\n`)
    const signer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', ext]
    await run('openssl', ['x509', '-req', '-in', csr, ...signer, '-out', crt])
    return { key: await readFile(key), cert: await readFile(crt), ca: await readFile(at('ca.crt')) }
  }
}
