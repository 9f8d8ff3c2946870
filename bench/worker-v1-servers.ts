import { readFile } from 'node:fs/promises'
import { openV1Servers } from '../test/fakes/v1-server.ts'

// worker-v1-servers KEYFILE
const [keyFile = ''] = process.argv.slice(2)
const { port } = await openV1Servers({ key: (await readFile(keyFile, 'utf8')).trim(), address: '0.0.0.0' })
process.stdout.write(`${port}\n`)
