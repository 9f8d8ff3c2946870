import t from 'tap'
import { advanced, earlierRuns, mayHold, mayRelease, type Standing, standing } from '../../../agent/core/authority.ts'
import type { Authority, Claim } from '../../../protocol/authority.ts'
import type { Owner } from '../../../protocol/hold.ts'
import { claimOf, holdOf, twin } from './scene.ts'

const seen = claimOf(5, 10)

const claims: readonly [name: string, seen: Claim | null, claim: Claim, is: Standing][] = [
  ['an agent that has seen nobody believes the first', null, claimOf(1, 0), 'accepted'],
  ['a lower epoch was superseded', seen, claimOf(4, 10), 'superseded'],
  ['a lower epoch was superseded, whatever its revision', seen, claimOf(4, 99), 'superseded'],
  ['the same claim again', seen, claimOf(5, 10), 'accepted'],
  ['the same epoch, one revision on', seen, claimOf(5, 11), 'accepted'],
  ['the same epoch, one revision back, is an old order', seen, claimOf(5, 9), 'stale'],
  ['the same epoch of another instance is a twin', seen, claimOf(5, 10, twin), 'superseded'],
  ['a twin with a higher revision is a twin', seen, claimOf(5, 11, twin), 'superseded'],
  ['a higher epoch goes on', seen, claimOf(6, 10, twin), 'accepted'],
  ['a higher epoch with a lower revision was restored from an old copy', seen, claimOf(6, 9, twin), 'superseded'],
  ['a takeover keeps its instance', seen, claimOf(6, 11), 'accepted'],
]
for (const [name, before, claim, is] of claims) {
  t.test(name, async (t) => t.equal(standing(before, claim), is))
}

const saves: readonly [name: string, kept: Claim | null, claim: Claim, save: boolean][] = [
  ['the first claim is saved', null, claimOf(1, 0), true],
  ['a known one is not', seen, claimOf(5, 10), false],
  ['a new revision is saved', seen, claimOf(5, 11), true],
  ['a new epoch is saved, also with the same revision', seen, claimOf(6, 10), true],
]
for (const [name, kept, claim, save] of saves) {
  t.test(name, async (t) => t.equal(advanced(kept, claim), save ? claim : null))
}

const coordinator: Authority = { kind: 'coordinator', claim: seen }
const gate: Authority = { kind: 'gate', resource: 'pg' }
const direct: Authority = { kind: 'direct', operator: 'ada' }

const gives: readonly [authority: Authority, id: string, owner: Owner, may: boolean][] = [
  [coordinator, 'x', 'operator:ada', true],
  [coordinator, 'x', 'gate:pg', true],
  [coordinator, 'x', 'rollout:7', true],
  [coordinator, 'x', 'v1', false],
  [coordinator, 'x', 'direct', false],
  [coordinator, 'x', 'self', false],
  [gate, 'pg/boot/1', 'gate:pg', true],
  [gate, 'pg/boot/1', 'gate:redis', false],
  [gate, 'redis/boot/1', 'gate:pg', false],
  [gate, 'pg/boot/1', 'operator:ada', false],
  [direct, 'x', 'direct', true],
  [direct, 'x', 'operator:ada', false],
]
for (const [authority, id, owner, may] of gives) {
  t.test(`${authority.kind} ${may ? 'gives' : 'does not give'} ${id} of ${owner}`, async (t) =>
    t.equal(mayHold(authority, holdOf(id, owner)), may),
  )
}

const releases: readonly [authority: Authority, id: string, may: boolean][] = [
  [coordinator, 'self/1', true],
  [direct, 'anything', true],
  [gate, 'pg/boot/1', true],
  [gate, 'pg2/boot/1', false],
  [gate, 'redis/boot/1', false],
]
for (const [authority, id, may] of releases) {
  t.test(`${authority.kind} ${may ? 'releases' : 'does not release'} ${id}`, async (t) =>
    t.equal(mayRelease(authority, id), may),
  )
}

const runs: readonly [name: string, id: string, owner: Owner, isEarlier: boolean][] = [
  ['the run before', 'pg/boot/9', 'gate:pg', true],
  ['one long before', 'pg/boot/2', 'gate:pg', true],
  ['the same run', 'pg/boot/10', 'gate:pg', false],
  ['a later run, which the order has overslept', 'pg/boot/11', 'gate:pg', false],
  ['a run of another boot, which may be that of a twin', 'pg/other/2', 'gate:pg', false],
  ['a hold for a gate that has never come up', 'pg/boot/absent-3', 'gate:pg', false],
  ['another gate’s', 'redis/boot/2', 'gate:redis', false],
  ['a person’s', 'pg/boot/2', 'operator:ada', false],
]
for (const [name, id, owner, isEarlier] of runs) {
  t.test(`a run of a gate ${isEarlier ? 'takes the place of' : 'leaves'}: ${name}`, async (t) =>
    t.strictSame(earlierRuns([holdOf('pg/boot/10', 'gate:pg')], [holdOf(id, owner)]), isEarlier ? [id] : []),
  )
}
