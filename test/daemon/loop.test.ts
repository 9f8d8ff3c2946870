import t from 'tap'
import { createLoop, type Loop } from '../../daemon/loop.ts'
import { GuardianError } from '../../protocol/errors.ts'
import type { Step } from '../../protocol/step.ts'

interface Event {
  readonly name: string
  readonly save?: boolean
  readonly refuse?: boolean
  readonly bug?: boolean
}

type Answer = string | GuardianError

function step(state: readonly string[], event: Event): Step<readonly string[], string, string, Answer> {
  if (event.refuse === true) throw new GuardianError('held', `${event.name} is held`)
  if (event.bug === true) throw new TypeError('a bug')
  const so = (word: string, answer: Answer) => ({
    state: [...state, `${event.name}:${word}`],
    effects: [`${event.name}:${word}`],
    answer,
  })
  return {
    save: event.save === true ? event.name : null,
    next: so('next', event.name),
    otherwise: so('otherwise', new GuardianError('not-persisted', `${event.name} is not persisted`)),
  }
}

interface Save {
  readonly name: string
  readonly done: () => void
  readonly failed: (cause: Error) => void
}

/** A loop whose saves are ended by hand. */
function setUp(
  more: { readonly perform?: (effect: string, loop: Loop<readonly string[], Event, Answer>) => void } = {},
) {
  const story: string[] = []
  const bugs: unknown[] = []
  const saves: Save[] = []
  const loop = createLoop<readonly string[], Event, string, string, Answer>({
    state: [],
    step,
    save: (name) => {
      story.push(`save ${name}`)
      return new Promise((done, failed) => saves.push({ name, done, failed }))
    },
    perform: (effect, running) => {
      story.push(effect)
      more.perform?.(effect, running)
    },
    onBug: (cause) => bugs.push(cause),
    onSaveFailed: (cause) => story.push(`save failed: ${cause}`),
  })
  return { loop, story, bugs, saves }
}

t.test('an event without a save is dealt with before dispatch returns', async (t) => {
  const { loop, story } = setUp()
  const answer = loop.dispatch({ name: 'a' })
  t.strictSame(story, ['a:next'])
  t.strictSame(loop.state, ['a:next'])
  t.equal(await answer, 'a')
})

t.test('nothing comes between a save and what follows from it', async (t) => {
  const { loop, story, saves } = setUp()
  const answers = ['a', 'b', 'c'].map((name) => loop.dispatch({ name, save: name !== 'c' }))
  t.strictSame(story, ['save a'])
  t.strictSame(loop.state, [], 'nothing holds before it is durable')
  saves[0]?.done()
  t.equal(await answers[0], 'a')
  t.strictSame(story, ['save a', 'a:next', 'save b'])
  saves[1]?.done()
  t.strictSame(await Promise.all(answers), ['a', 'b', 'c'])
  t.strictSame(story, ['save a', 'a:next', 'save b', 'b:next', 'c:next'])
})

t.test('a save that fails takes the other branch, and an error as the answer rejects', async (t) => {
  const { loop, story, saves } = setUp()
  const answer = loop.dispatch({ name: 'a', save: true })
  const next = loop.dispatch({ name: 'b' })
  saves[0]?.failed(new Error('disk full'))
  await t.rejects(answer, { code: 'not-persisted' })
  t.equal(await next, 'b')
  t.strictSame(story, ['save a', 'save failed: Error: disk full', 'a:otherwise', 'b:next'])
  t.strictSame(loop.state, ['a:otherwise', 'b:next'])
})

t.test('a save that throws or ends at once stays synchronous', async (t) => {
  const performed: string[] = []
  const parts = {
    state: [],
    step,
    perform: (effect: string) => void performed.push(effect),
    onBug: (cause: unknown) => void t.fail(String(cause)),
  }
  const full = createLoop<readonly string[], Event, string, string, Answer>({
    ...parts,
    save: () => {
      throw new Error('disk full')
    },
  })
  const refused = full.dispatch({ name: 'a', save: true })
  t.strictSame(performed, ['a:otherwise'])
  await t.rejects(refused, { code: 'not-persisted' })
  const quick = createLoop<readonly string[], Event, string, string, Answer>({ ...parts, save: () => {} })
  void quick.dispatch({ name: 'b', save: true })
  t.strictSame(performed, ['a:otherwise', 'b:next'])
})

t.test('a refusal changes nothing, and nobody has to wait for it', async (t) => {
  const { loop, story, bugs } = setUp()
  void loop.dispatch({ name: 'a', refuse: true })
  await t.rejects(loop.dispatch({ name: 'b', refuse: true }), { code: 'held', message: 'b is held' })
  t.equal(await loop.dispatch({ name: 'c' }), 'c')
  t.strictSame(loop.state, ['c:next'])
  t.strictSame([story, bugs], [['c:next'], []])
})

t.test('a bug is told and rejects; the state stays whole', async (t) => {
  const { loop, bugs } = setUp()
  await t.rejects(loop.dispatch({ name: 'a', bug: true }), TypeError)
  t.match(bugs, [{ message: 'a bug' }])
  t.strictSame(loop.state, [])
})

t.test('a bug in what is performed is told too, and the loop goes on', async (t) => {
  const { loop, bugs } = setUp({
    perform: (effect) => {
      if (effect === 'a:next') throw new TypeError('cannot send')
    },
  })
  await t.rejects(loop.dispatch({ name: 'a' }), TypeError)
  t.equal(await loop.dispatch({ name: 'b' }), 'b')
  t.match(bugs, [{ message: 'cannot send' }])
})

t.test('what an effect dispatches comes after everything that waits already', async (t) => {
  const { loop, story } = setUp({
    perform: (effect, running) => {
      if (effect === 'a:next') void running.dispatch({ name: 'from-a' })
    },
  })
  loop.watch((state) => story.push(`watched ${state.length}`))
  await loop.dispatch({ name: 'a' })
  t.strictSame(story, ['a:next', 'watched 1', 'from-a:next', 'watched 2'])
})

t.test('watchers see each change once, with what was before, until they leave', async (t) => {
  const { loop } = setUp()
  const seen: (readonly [number, number])[] = []
  const leave = loop.watch((state, before) => seen.push([before.length, state.length]))
  await loop.dispatch({ name: 'a' })
  void loop.dispatch({ name: 'b', refuse: true })
  await loop.dispatch({ name: 'c' })
  leave()
  await loop.dispatch({ name: 'd' })
  t.strictSame(seen, [
    [0, 1],
    [1, 2],
  ])
})

t.test('ten thousand events in a row need no stack and keep their order', async (t) => {
  const { loop, saves } = setUp()
  const first = loop.dispatch({ name: 'first', save: true })
  const answers = Array.from({ length: 10_000 }, (_, at) => loop.dispatch({ name: `${at % 10}` }))
  saves[0]?.done()
  await first
  t.equal((await Promise.all(answers)).length, 10_000)
  t.equal(loop.state.length, 10_001)
})
