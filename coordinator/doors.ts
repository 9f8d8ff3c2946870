import { join } from 'node:path'
import type { Closers } from './closers.ts'
import type { CoordinatorConfig } from './config.ts'
import { socketDoor, tokenDoor } from './http/access.ts'
import type { ApiParts } from './http/api.ts'
import { listenOnPort, listenOnSocket } from './http/listen.ts'
import { createApi } from './http/server.ts'
import type { Tokens } from './http/tokens.ts'

/** The API's socket file below the runtime directory. */
export function socketPath({ runtimeDir }: Pick<CoordinatorConfig, 'runtimeDir'>): string {
  return join(runtimeDir, 'api.sock')
}

/** Listens on the socket file and, where it is configured, on TCP. */
export async function openDoors(
  parts: ApiParts,
  { config, tokens, closers }: { config: CoordinatorConfig; tokens: () => Tokens; closers: Closers },
): Promise<void> {
  const local = createApi(parts, socketDoor)
  closers.add(() => local.close())
  await listenOnSocket(local, socketPath(config))
  if (config.api.listen === null) return
  const remote = createApi(parts, tokenDoor(tokens))
  closers.add(() => remote.close())
  await listenOnPort(remote, config.api.listen)
}
