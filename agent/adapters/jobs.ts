import type { HelperAction } from '../../protocol/rebuild.ts'

/** The rebuilds of this host, on systemd, its root helper and its files. */
export interface Jobs extends AsyncDisposable {
  /** Never throws: looks at the job have the round once systemd has answered. */
  startHelper(job: string, action: HelperAction, round: number): void
}
