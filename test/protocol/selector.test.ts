import t from 'tap'
import { parseSelector } from '../../protocol/selector.ts'

const fleet = [
  { name: 'web1', tags: ['web', 'eu'] },
  { name: 'web2', tags: ['web', 'us'] },
  { name: 'web10', tags: ['web', 'eu', 'canary'] },
  { name: 'cache.eu', tags: ['cache', 'eu'] },
  { name: 'io', tags: [] },
]
const all = fleet.map(({ name }) => name)
const selected = (text: string) => fleet.filter(parseSelector(text)).map(({ name }) => name)

const cases: readonly [selector: string, hosts: readonly string[]][] = [
  ['*', all],
  ['web1', ['web1']],
  ['web', []],
  ['WEB1', []],
  ['web*', ['web1', 'web2', 'web10']],
  ['*1*', ['web1', 'web10']],
  ['web?', ['web1', 'web2']],
  ['web??', ['web10']],
  ['?', []],
  ['**', all],
  ['*e*b*1*', ['web1', 'web10']],
  ['cache.eu', ['cache.eu']],
  ['cache?eu', ['cache.eu']],
  ['cacheXeu', []],
  ['@web', ['web1', 'web2', 'web10']],
  ['@we', []],
  ['@nowhere', []],
  ['web1,io', ['web1', 'io']],
  ['io,web1,io', ['web1', 'io']],
  [' web1 , io ', ['web1', 'io']],
  ['@web&@eu', ['web1', 'web10']],
  ['@web & !@canary & @eu', ['web1']],
  ['!web1', ['web2', 'web10', 'cache.eu', 'io']],
  ['!!web1', ['web1']],
  ['!*', []],
  ['! @web', ['cache.eu', 'io']],
  ['@cache,@web&@us', ['web2', 'cache.eu']],
  ['@web&!web*,io', ['io']],
]
for (const [selector, hosts] of cases) t.strictSame(selected(selector), hosts, JSON.stringify(selector))

const unreadable = [
  '',
  ' ',
  ',',
  'web1,',
  '&web1',
  'a&&b',
  '!',
  '@',
  '@we*',
  'a b',
  'a/b',
  '(a)',
  'a|b',
  '[ab]',
  '^a$',
  'a\nb',
]
for (const text of unreadable) {
  t.throws(
    () => parseSelector(text),
    { code: 'bad-request', fields: { selector: text } },
    `refuses ${JSON.stringify(text)}`,
  )
}
t.throws(
  () => parseSelector('@web&(io)'),
  { message: /cannot read "\(io\)" in selector "@web&\(io\)"/ },
  'quotes the part',
)

t.test('a glob made to take for ever does not', async (t) => {
  const host = { name: 'a'.repeat(255), tags: [] }
  t.equal(parseSelector(`${'*a'.repeat(249)}z`)(host), false)
  t.equal(parseSelector(`${'*?'.repeat(249)}*`)(host), true)
  t.equal(parseSelector(`${'*'.repeat(499)}z`)(host), false)
})
