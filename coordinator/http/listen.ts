import { chmod, mkdir, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { reasonOf } from '../../daemon/reason.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Api } from './api.ts'

const socketMode = 0o660

/** Listens on a socket file that its group may use; one that a killed daemon left behind is replaced. */
export async function listenOnSocket(app: Api, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 })
  if (await isAnswered(path)) {
    throw new GuardianError('port-taken', `${path}: another coordinator listens on it; stop that one first`)
  }
  await unlink(path).catch(() => {})
  await app.listen({ path }).catch((cause: unknown) => {
    throw new GuardianError('port-taken', `cannot listen on ${path}: ${reasonOf(cause)}`, { path }, { cause })
  })
  await chmod(path, socketMode)
}

export async function listenOnPort(app: Api, { address, port }: { readonly address: string; readonly port: number }) {
  await app.listen({ host: address, port }).catch((cause: unknown) => {
    throw new GuardianError(
      'port-taken',
      `cannot listen on ${address}, port ${port} (${reasonOf(cause)}); change api.listen or stop what uses it`,
      { address, port },
      { cause },
    )
  })
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const settle = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.on('connect', () => settle(true)).on('error', () => settle(false))
  })
}
