import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { build } from './build.ts'

export { Counter, Gauge, Histogram, Registry }

/** A registry with what every daemon tells of itself: build, memory, processor time, file descriptors and loop lag. */
export function createRegistry(): Registry {
  const registry = new Registry()
  const registers = [registry]
  const [, version = ''] = build.split(' ')
  new Gauge({
    name: 'guardian_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version, node: process.version }, 1)
  addProcess(registers)
  addLoopLag(registers)
  return registry
}

// prom-client's own default metrics observe every garbage collection, which costs more than it tells here.
function addProcess(registers: Registry[]): void {
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process since 1970.',
    registers,
  }).set(Math.round(Date.now() / 1_000 - process.uptime()))
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1_000_000)
    },
  })
  new Gauge({
    name: 'nodejs_heap_used_bytes',
    help: 'Heap in use.',
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed)
    },
  })
}

const lagEveryMs = 1_000
const lagWindow = 30

function addLoopLag(registers: Registry[]): void {
  const longest = new Array<number>(lagWindow).fill(0)
  let at = 0
  let dueMs = performance.now() + lagEveryMs
  setInterval(() => {
    at = (at + 1) % lagWindow
    longest[at] = Math.max(0, performance.now() - dueMs)
    dueMs = performance.now() + lagEveryMs
  }, lagEveryMs).unref()
  new Gauge({
    name: 'guardian_event_loop_lag_seconds',
    help: 'Longest delay of a one-second timer within the last 30 s.',
    registers,
    collect() {
      const overdueMs = Math.max(0, performance.now() - dueMs)
      this.set(Math.max(overdueMs, ...longest) / 1_000)
    },
  })
}
