/** Of one attempt of one host. */
export function jobIdOf(request: string, host: string, attempt: number): string {
  return derived(request, `job ${host} ${attempt}`)
}

/** Of one of the holds of that attempt: a hold once released never comes back, so each drain has its own. */
export function holdIdOf(request: string, host: string, attempt: number, count: number): string {
  return derived(request, `hold ${host} ${attempt} ${count}`)
}

const lanes = [0x01000193, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f] as const

/** The random bits of a request, turned by a text: the same again after a restart, and no other request's. */
function derived(request: string, text: string): string {
  const words = lanes.map((prime, at) => {
    const word = Number.parseInt(request.slice(at * 8, at * 8 + 8), 16)
    return ((word ^ mixed(text, prime)) >>> 0).toString(16).padStart(8, '0')
  })
  return words.join('')
}

function mixed(text: string, prime: number): number {
  let hash = 0x811c9dc5 ^ prime
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), prime | 1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return hash ^ (hash >>> 16)
}
