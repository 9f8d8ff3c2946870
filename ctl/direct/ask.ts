import { type DirectHost, troubleOf } from '../../daemon/direct.ts'
import { type ExitCode, exitOf } from '../../daemon/outcome.ts'
import type { HostProgress } from '../../protocol/api.ts'
import { GuardianError } from '../../protocol/errors.ts'
import { anyTarget } from '../render/progress.ts'

/** What a host answered, or why it could not be asked. */
export type Asked<T> =
  | { readonly host: DirectHost; readonly answer: T; readonly trouble: null }
  | { readonly host: DirectHost; readonly answer: null; readonly trouble: HostProgress }

export function askEach<T>(
  hosts: readonly DirectHost[],
  ask: (host: DirectHost) => Promise<T>,
): Promise<readonly Asked<T>[]> {
  return Promise.all(
    hosts.map(async (host): Promise<Asked<T>> => {
      try {
        return { host, answer: await ask(host), trouble: null }
      } catch (cause) {
        if (!(cause instanceof GuardianError)) throw cause
        const trouble = troubleOf(host, anyTarget, cause)
        // Who only looks has no deadline to miss: a silent agent is one that does not answer.
        return { host, answer: null, trouble: trouble.is === 'deadline' ? { ...trouble, is: 'unreachable' } : trouble }
      }
    }),
  )
}

export function troublesOf(asked: readonly Asked<unknown>[]): readonly HostProgress[] {
  return asked.flatMap(({ trouble }) => trouble ?? [])
}

export function exitOfAsked(asked: readonly Asked<unknown>[]): ExitCode {
  return exitOf({ hosts: troublesOf(asked), trustV1: false, persisted: true, superseded: false })
}
