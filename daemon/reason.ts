const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  // A socket is a file: both codes come from files too.
  ENOENT: 'no such file',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'host name cannot be resolved now',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EACCES: 'access denied',
}

/** One line of an error for a person, without what differs from try to try. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0])
  if (!(cause instanceof Error)) return 'failed'
  const code = codeOf(cause)
  return (code === null ? undefined : reasons[code]) ?? cause.message.split('\n')[0] ?? 'failed'
}

/** Node's `code` of an error, such as `ENOENT`. */
export function codeOf(cause: unknown): string | null {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : null
}
