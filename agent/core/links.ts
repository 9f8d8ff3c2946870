import type { Claim } from '../../protocol/authority.ts'
import { errors } from '../../protocol/errors.ts'
import type { ClientHello } from '../../protocol/v2/hello.ts'
import { versions } from '../../protocol/v2/hello.ts'
import { advanced, type Standing, standing } from './authority.ts'
import type { AgentEffect } from './effect.ts'
import { helloOf } from './report.ts'
import type { AgentState, Link } from './state.ts'

/** What a peer's first word, or its claim, makes of the links. `seen` is to be saved where it is not null. */
export interface Greeting {
  readonly state: AgentState
  readonly seen: Claim | null
  readonly effects: readonly AgentEffect[]
}

export function greet(state: AgentState, link: string, hello: ClientHello, atMs: number): Greeting {
  if (hello.oldest > versions.newest || hello.newest < versions.oldest) {
    return refuse(state, link, 'bad-message', `this agent speaks version ${versions.newest} only`)
  }
  if (state.links.has(link)) return refuse(state, link, 'bad-message', 'a second greeting on the same link')
  const { authority } = hello
  if (authority.kind !== 'coordinator') {
    const joined = join(state, { id: link, role: authority.kind })
    return { state: joined, seen: null, effects: [{ type: 'send', link, message: helloOf(joined, atMs) }] }
  }
  const is = standing(state.seen, authority.claim)
  if (is !== 'accepted') return outrank(state, link, is)
  const older = [...state.links.values()].filter((other) => other.role === 'coordinator')
  const left = older.reduce((rest, other) => leave(rest, other.id), state)
  const heard = accept(join(left, { id: link, role: 'coordinator' }), authority.claim, atMs)
  const seen = advanced(state.kept, authority.claim)
  const effects: readonly AgentEffect[] = [
    ...older.map((other): AgentEffect => ({ type: 'close', link: other.id, code: 1000 })),
    { type: 'send', link, message: helloOf(heard, atMs) },
    { type: 'report' },
    ...noteClaim(state, seen),
  ]
  return { state: heard, seen, effects }
}

export function greetV1(state: AgentState, link: string): AgentState {
  return join(state, { id: link, role: 'v1' })
}

/** The link is gone, and with it everybody who waited on it. */
export function leave(state: AgentState, link: string): AgentState {
  const links = new Map(state.links)
  links.delete(link)
  const duties = new Map(state.duties)
  for (const [name, duty] of duties) {
    if (!duty.waiters.some((waiter) => waiter.link === link)) continue
    duties.set(name, { ...duty, waiters: duty.waiters.filter((waiter) => waiter.link !== link) })
  }
  return { ...state, links, duties }
}

export function accept(state: AgentState, claim: Claim, atMs: number): AgentState {
  return { ...state, seen: advanced(state.seen, claim) ?? state.seen, coordinatorHeardMs: atMs }
}

/** The same state once `seen` is on the disk. */
export function keep(state: AgentState, seen: Claim | null): AgentState {
  return seen === null ? state : { ...state, kept: seen }
}

/** The peer is told what outranks it, and is let go. */
export function outrank(state: AgentState, link: string, is: Exclude<Standing, 'accepted'>): Greeting {
  const text =
    is === 'superseded' ? 'a later coordinator orders this host' : 'this order is older than one already carried out'
  return refuse(state, link, is, text)
}

export function refuse(
  state: AgentState,
  link: string,
  code: Exclude<Standing, 'accepted'> | 'bad-message',
  text: string,
): Greeting {
  const effects: readonly AgentEffect[] = [
    { type: 'send', link, message: { type: 'error', code, message: text, seen: state.seen } },
    { type: 'close', link, code: errors[code].close },
    { type: 'note', note: { what: 'refused', link, code } },
  ]
  return { state: leave(state, link), seen: null, effects }
}

export function noteClaim(before: AgentState, seen: Claim | null): readonly AgentEffect[] {
  if (seen === null || seen.epoch === before.seen?.epoch) return []
  return [{ type: 'note', note: { what: 'claim-accepted', epoch: seen.epoch, instance: seen.instance } }]
}

function join(state: AgentState, link: Link): AgentState {
  return { ...state, links: new Map(state.links).set(link.id, link) }
}
