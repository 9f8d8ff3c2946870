import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

// systemd's own socket carries every signal, most of them about properties that nobody here asks for. Taking those
// apart cost an agent 20 MB of garbage in a drain of 50 units, so they are left out before they are read.

const signalType = 4
const fixedBytes = 16
const unitInterface = Buffer.from('org.freedesktop.systemd1.Unit\0')
const changedMember = Buffer.from('PropertiesChanged\0')
const wantedMembers = ['JobNew\0', 'JobRemoved\0', 'Reloading\0', 'NameOwnerChanged\0'].map((name) => Buffer.from(name))

/** Whether a whole D-Bus message is anything but a signal without meaning here. */
export function isWanted(message: Buffer): boolean {
  if (message[1] !== signalType) return true
  const header = message.subarray(fixedBytes, fixedBytes + read(message, 12))
  if (!header.includes(changedMember)) return wantedMembers.some((member) => header.includes(member))
  const body = message.subarray(bodyStart(message))
  // The first argument is the interface whose properties have changed.
  return body.subarray(4, 4 + unitInterface.length).equals(unitInterface)
}

/** Bytes of the message that `bytes` begins with; null where not even that can be told yet. */
export function messageBytes(bytes: Buffer): number | null {
  return bytes.length < fixedBytes ? null : bodyStart(bytes) + read(bytes, 4)
}

function bodyStart(message: Buffer): number {
  return Math.ceil((fixedBytes + read(message, 12)) / 8) * 8
}

function read(message: Buffer, at: number): number {
  // 'l' as the first byte: little endian.
  return message[0] === 0x6c ? message.readUInt32LE(at) : message.readUInt32BE(at)
}

/** A connection to a bus without the signals that mean nothing here. */
export class Sieve extends Duplex {
  readonly #socket: Socket
  #rest: Buffer = Buffer.alloc(0)
  /** The handshake is made of lines. */
  #isShaking = true

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    socket.on('data', (data: Buffer) => this.#take(data))
    socket.on('end', () => this.push(null))
    socket.on('error', (cause) => this.destroy(cause))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (cause?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    this.#socket.destroy()
    done(cause)
  }

  #take(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    const wanted: Buffer[] = []
    for (let bytes = this.#next(); bytes !== null && bytes <= this.#rest.length; bytes = this.#next()) {
      const message = this.#rest.subarray(0, bytes)
      this.#rest = this.#rest.subarray(bytes)
      if (this.#isShaking) this.#isShaking = !message.toString('latin1').startsWith('OK ')
      else if (!isWanted(message)) continue
      wanted.push(message)
    }
    if (wanted.length > 0 && !this.push(Buffer.concat(wanted))) this.#socket.pause()
  }

  #next(): number | null {
    if (!this.#isShaking) return messageBytes(this.#rest)
    const end = this.#rest.indexOf('\n')
    return end < 0 ? null : end + 1
  }
}
