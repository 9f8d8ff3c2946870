/** References that carry a branch or a revision as the last part of their path; all others carry it in the query. */
const inPath = /^((?:github|gitlab|sourcehut):[^/?]+\/[^/?]+|(?:flake:)?[A-Za-z][\w-]*)(?:\/[^/?]+)?$/

/** The flake at this revision, whatever branch the reference names. */
export function pinnedFlake(flake: string, revision: string): string {
  return flakeAt(flake, 'rev', revision)
}

/** The flake at this branch or tag. */
export function branchedFlake(flake: string, ref: string): string {
  return flakeAt(flake, 'ref', ref)
}

function flakeAt(flake: string, key: 'rev' | 'ref', value: string): string {
  const [path = '', query = ''] = flake.split('?', 2)
  const [, bare] = inPath.exec(path) ?? []
  const dropped = bare === undefined && key === 'rev' ? ['rev'] : ['rev', 'ref']
  const kept = query.split('&').filter((pair) => pair !== '' && !dropped.includes(pair.split('=', 1)[0] ?? ''))
  const pairs = bare === undefined ? [...kept, `${key}=${value}`] : kept
  const whole = bare === undefined ? path : `${bare}/${value}`
  return pairs.length === 0 ? whole : `${whole}?${pairs.join('&')}`
}
