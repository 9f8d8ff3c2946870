import { type Finding, hint, listed } from './finding.ts'

/** Where one daemon's resources are configured. */
export interface ProbeFacts {
  readonly source: string
  /** Resources whose PostgreSQL is asked without a role of its own. */
  readonly anonymous: readonly string[]
}

export function probeFindings({ source, anonymous }: ProbeFacts): readonly Finding[] {
  if (anonymous.length === 0) return []
  return [
    hint('probe-without-user', {
      found: `${source}: ${listed(anonymous)} ${anonymous.length === 1 ? 'is' : 'are'} asked without a "user": PostgreSQL writes a FATAL line into its log each time, and recovery cannot be seen`,
      wanted: 'a role of its own that may log in, and do nothing else',
      run: [
        `where PostgreSQL is, in psql: create role "guardian-probe" login, with a password or a line in pg_hba.conf`,
        `"user": "guardian-probe", and "passwordFile" where it has a password, beside "type" in ${source}`,
      ],
    }),
  ]
}
