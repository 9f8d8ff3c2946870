import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askPrometheus } from '../../../coordinator/adapters/promql.ts'
import { freePort } from '../../hosts/addresses.ts'
import { until } from '../../hosts/until.ts'

const isThere = spawnSync('prometheus', ['--version']).status === 0
const skip = isThere ? false : 'no prometheus here: scripts/setup.sh installs it'

const queries: readonly [query: string, ok: boolean, reason: string | RegExp][] = [
  ['vector(1)', true, 'the value is 1'],
  ['up{job="itself"} == 1', true, 'the value is 1'],
  ['scalar(vector(0))', false, 'the value is 0'],
  // No alert fires, so nothing is counted, and a comparison of nothing is nothing.
  ['count(ALERTS{alertstate="firing"}) == 0', false, 'an empty answer'],
  ['absent(ALERTS{alertstate="firing",severity="page"})', true, 'the value is 1'],
  ['(count(ALERTS{alertstate="firing"}) or vector(0)) == bool 0', true, 'the value is 1'],
  ['0 / vector(0)', false, 'the value is NaN'],
  ['1 / vector(0)', true, 'the value is +Inf'],
  ['"yes"', false, 'the value is yes'],
  ['up[5m]', false, /range/],
  ['count(', false, /^bad_data: .*parse error/],
]

t.test('what a real Prometheus answers', { skip, timeout: 60_000 }, async (t) => {
  const address = await startPrometheus(t)
  const ask = (query: string) => askPrometheus(address, query, new AbortController().signal)
  await until('it has scraped itself', async () => (await ask('up').catch(() => null))?.ready === true)
  for (const [query, ready, reason] of queries) t.match(await ask(query), { ready, reason }, query)
})

async function startPrometheus(t: Test): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'guardian-prometheus-'))
  const address = `127.0.0.1:${await freePort('127.0.0.1')}`
  const jobs = [{ job_name: 'itself', scrape_interval: '100ms', static_configs: [{ targets: [address] }] }]
  // Its configuration is YAML, of which JSON is a part.
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify({ scrape_configs: jobs }))
  const options = [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`]
  const child = spawn('prometheus', [...options, `--web.listen-address=${address}`], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(dir, { recursive: true })
  })
  return `http://${address}`
}
