/** Every failure that a door may tell: its HTTP status, its WebSocket close code and the exit code of `guardian`. */
export const errors = {
  'bad-message': { http: 400, close: 1007, exit: 2 },
  'bad-request': { http: 400, close: 1008, exit: 2 },
  'bad-config': { http: 500, close: 1011, exit: 2 },
  'bad-key-file': { http: 500, close: 1011, exit: 2 },
  unauthorised: { http: 401, close: 1008, exit: 6 },
  forbidden: { http: 403, close: 1008, exit: 6 },
  'unknown-host': { http: 404, close: 1008, exit: 2 },
  'unknown-target': { http: 404, close: 1008, exit: 2 },
  'unknown-resource': { http: 404, close: 1008, exit: 2 },
  'unknown-hold': { http: 404, close: 1008, exit: 2 },
  'unknown-rollout': { http: 404, close: 1008, exit: 2 },
  'unknown-policy': { http: 404, close: 1008, exit: 2 },
  'not-found': { http: 404, close: 1008, exit: 2 },
  'nothing-selected': { http: 422, close: 1008, exit: 2 },
  'not-local': { http: 409, close: 1008, exit: 6 },
  superseded: { http: 409, close: 4009, exit: 6 },
  stale: { http: 409, close: 4010, exit: 1 },
  held: { http: 409, close: 1008, exit: 6 },
  conflict: { http: 409, close: 1008, exit: 6 },
  blocked: { http: 409, close: 1008, exit: 6 },
  'not-persisted': { http: 507, close: 1011, exit: 3 },
  deadline: { http: 504, close: 1008, exit: 5 },
  'too-many': { http: 429, close: 1013, exit: 1 },
  unreachable: { http: 502, close: 1011, exit: 4 },
  'no-coordinator': { http: 503, close: 1011, exit: 9 },
  'no-systemd': { http: 503, close: 1011, exit: 2 },
  'port-taken': { http: 500, close: 1011, exit: 2 },
  internal: { http: 500, close: 1011, exit: 1 },
} as const satisfies Record<string, { http: number; close: number; exit: number }>

export type ErrorCode = keyof typeof errors

/** An expected failure: its code says what each door answers, its text names the thing and the way out. */
export class GuardianError extends Error {
  override readonly name = 'GuardianError'
  readonly code: ErrorCode
  readonly fields: Readonly<Record<string, string | number>>

  constructor(
    code: ErrorCode,
    text: string,
    fields: Readonly<Record<string, string | number>> = {},
    options: ErrorOptions = {},
  ) {
    super(text, options)
    this.code = code
    this.fields = fields
  }
}
