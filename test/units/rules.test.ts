import { readFile } from 'node:fs/promises'
import { runInNewContext } from 'node:vm'
import t from 'tap'

const job = '4f6a2c8e0b1d3f5a7c9e1b3d5f7a9c0e'
const helper = (action: string, id = job): string => `io-guardian-rebuild@${action}-${id}.service`

/** What polkit would say to the agent, by the rules as they ship. */
async function rules(): Promise<(unit: string, verb: string, user?: string) => string> {
  const text = await readFile(new URL('../../units/io-guardian.rules', import.meta.url), 'utf8')
  const asked: unknown[] = []
  const polkit = { Result: { YES: 'yes' }, addRule: (rule: unknown) => void asked.push(rule) }
  runInNewContext(text, { polkit })
  const [rule] = asked
  if (typeof rule !== 'function') throw new Error('the rules add no function')
  return (unit, verb, user = 'io-guardian') => {
    const details: Readonly<Record<string, string>> = { unit, verb }
    const action = { id: 'org.freedesktop.systemd1.manage-units', lookup: (name: string) => details[name] }
    return String(rule(action, { user }))
  }
}

const cases: readonly [unit: string, verb: string, says: 'yes' | 'undefined'][] = [
  ['io-databases.target', 'start', 'yes'],
  ['io-databases.target', 'stop', 'yes'],
  ['io-databases.target', 'restart', 'undefined'],
  ['ssh.service', 'reset-failed', 'yes'],
  ['ssh.service', 'start', 'undefined'],
  ...['prefetch', 'activate', 'commit', 'revert', 'resume', 'forget'].map((action): [string, string, 'yes'] => [
    helper(action),
    'start',
    'yes',
  ]),
  [helper('prefetch'), 'stop', 'undefined'],
  [helper('prefetch'), 'restart', 'undefined'],
  [helper('go-back'), 'start', 'undefined'],
  [helper('exit'), 'start', 'undefined'],
  [helper('prefetch', 'x'.repeat(32)), 'start', 'undefined'],
  [helper('prefetch', `${job}0`), 'start', 'undefined'],
  [`x${helper('prefetch')}`, 'start', 'undefined'],
  [`${helper('prefetch')}x`, 'start', 'undefined'],
  ['io-guardian-rebuild-resume.service', 'start', 'undefined'],
  [`guardian-switch-${job}.service`, 'start', 'undefined'],
]
for (const [unit, verb, says] of cases) {
  t.test(`${verb} ${unit}`, async (t) => t.equal((await rules())(unit, verb), says))
}

t.test('nobody else is told anything', async (t) => {
  t.equal((await rules())(helper('prefetch'), 'start', 'www-data'), 'undefined')
})
