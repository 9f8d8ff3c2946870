import * as v from 'valibot'
import { throughWire } from './slow-wire.ts'

// Runs in the namespace of a lab's network: listens on an address of it, and lives as long as whoever started it.
const place = v.object({ host: v.string(), port: v.number() })
const wire = v.object({ delayMs: v.number(), jitterMs: v.number(), bytesPerSecond: v.number() })
const asked = v.pipe(v.string(), v.parseJson(), v.object({ address: v.string(), wire, places: v.array(place) }))

const { address, wire: length, places } = v.parse(asked, process.argv[2])
const listening = places.map(
  (to) => new Promise<void>((resolve) => throughWire(length, to).listen(to.port, address, resolve)),
)
await Promise.all(listening)
console.log('ready')
process.stdin.on('end', () => process.exit()).resume()
