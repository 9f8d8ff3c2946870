/** What the agent may ask of the helper, by starting `io-guardian-rebuild@<action>-<job>.service`. */
export const helperActions = ['prefetch', 'activate', 'commit', 'revert', 'resume', 'forget'] as const
export type HelperAction = (typeof helperActions)[number]

/** Units of a job; the last two are transient, so that no switch touches them. */
export const unitsOf = (job: string) => ({
  helper: (action: HelperAction) => `io-guardian-rebuild@${action}-${job}.service`,
  switch: `guardian-switch-${job}.service`,
  revert: `guardian-revert-${job}.service`,
  deadMan: [`guardian-deadman-${job}`, `guardian-confirm-${job}`],
})
