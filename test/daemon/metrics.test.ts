import t from 'tap'
import { createRegistry, Gauge } from '../../daemon/metrics.ts'

t.test('a registry tells of its process', async (t) => {
  const registry = createRegistry()
  const text = await registry.metrics()
  t.match(text, /^guardian_build_info\{version="\d+\.\d+\.\d+",node="v\d+/m)
  const valueNow = (name: string): number => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1])
  t.ok(valueNow('process_resident_memory_bytes') > 1_000_000)
  t.ok(valueNow('process_cpu_seconds_total') > 0)
  t.ok(valueNow('process_start_time_seconds') > 1_000_000_000)
  t.ok(valueNow('nodejs_heap_used_bytes') > 1_000_000)
  t.ok(valueNow('guardian_event_loop_lag_seconds') >= 0)
})

t.test('each daemon has a registry of its own', async (t) => {
  const [one, other] = [createRegistry(), createRegistry()]
  new Gauge({ name: 'guardian_only_here', help: 'In one of them.', registers: [one] }).set(1)
  t.match(await one.metrics(), 'guardian_only_here 1')
  t.notMatch(await other.metrics(), 'guardian_only_here')
})
