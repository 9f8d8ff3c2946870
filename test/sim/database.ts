import { type GateRecord, nextRecord } from '../../gate/core.ts'
import { GateRun } from './gate.ts'
import type { World } from './world.ts'

/** One resource on the IO host, stopped and started the way systemd does it: its gate goes down before it stops. */
export class Database {
  is: 'up' | 'stopping' | 'down' | 'starting' = 'up'
  readonly name: string
  readonly isGated: boolean
  readonly #world: World
  #run: GateRun | null = null
  /** Raised at each turn, so that what an earlier one scheduled is ignored. */
  #turn = 0

  constructor(world: World, name: string, isGated: boolean) {
    this.#world = world
    this.name = name
    this.isGated = isGated
  }

  get isUp(): boolean {
    return this.is === 'up' || this.is === 'stopping'
  }

  /** ExecStart of the gate: records and returns, never waits for hosts. */
  gateUp(): void {
    if (!this.isGated) return
    const record = this.#nextRecord('up')
    this.#write(record)
    this.#world.primary?.ask(
      { type: 'gate-asked', resource: this.name, request: { ...record, limitMs: 5_000 } },
      () => {},
    )
  }

  stop(stopped: () => void = () => {}): void {
    if (this.is !== 'up') {
      const { life } = this.#world.io
      const again = () => (this.is === 'down' && this.#run === null ? stopped() : this.stop(stopped))
      this.#world.schedule.after(100, () => this.#world.io.life === life && again())
      return
    }
    this.#turn += 1
    this.is = 'stopping'
    this.#world.note('io', `${this.name} is to stop`)
    this.#gateDown(() => {
      this.#world.note('io', `${this.name} stops`)
      this.is = 'down'
      stopped()
    })
  }

  start(): void {
    if (this.is !== 'down' || this.#run !== null || this.#world.io.power !== 'on') return
    this.#turn += 1
    this.is = 'starting'
    this.#after(this.#world.random.between(100, 3_000), () => {
      this.#world.note('io', `${this.name} is up`)
      this.is = 'up'
      this.gateUp()
    })
  }

  /** The database dies first; its gate follows, and maybe systemd starts both again. */
  crash(isRestarted: boolean): void {
    if (this.is !== 'up') return
    this.#turn += 1
    this.is = 'down'
    this.#world.note('io', `${this.name} crashes`)
    this.#gateDown(() => {
      if (isRestarted) this.start()
    })
  }

  losePower(): void {
    this.#turn += 1
    this.#run?.stop()
    this.#run = null
    this.is = 'down'
  }

  #gateDown(done: () => void): void {
    if (!this.isGated) return void this.#after(this.#world.random.between(1, 200), done)
    const next = this.#nextRecord('down')
    const isLost = this.#world.chaos(0.1)
    const record = isLost ? next : this.#guessed(next)
    const { seq } = record
    if (isLost) this.#world.note('io', `the gate of ${this.name} cannot write its file`)
    else this.#write(record)
    const run = new GateRun(this.#world, { resource: this.name, seq, limitMs: this.#world.plan.gateLimitMs }, () => {
      if (this.#run !== run) return
      this.#run = null
      done()
    })
    this.#run = run
    run.start()
  }

  #nextRecord(state: GateRecord['state']): GateRecord {
    const { io, gateFiles } = this.#world
    const file = gateFiles.get(this.name)
    const previous = file === undefined ? null : { ...file, state: file.is }
    return nextRecord(previous, state, { bootId: io.bootId, monotonicMs: io.clockMs() })
  }

  /** Whoever guesses at it for long enough guesses right once. */
  #guessed(record: GateRecord): GateRecord {
    const isNew = record.seq !== this.#world.gateFiles.get(this.name)?.seq
    return isNew ? { ...record, seq: Math.max(record.seq, this.#world.guesses.get(this.name) ?? 0) } : record
  }

  /** The file is written before anybody is told; the daemon also watches it. */
  #write({ state, seq, bootId }: GateRecord): void {
    const { gateFiles, schedule, random } = this.#world
    gateFiles.set(this.name, { is: state, seq, bootId })
    this.#world.note('io', `gate of ${this.name} ${state}`, `${seq}`)
    for (const process of this.#world.processes) {
      schedule.after(random.between(1, 300), () => process.readGate(this.name))
    }
  }

  #after(delayMs: number, run: () => void): void {
    const turn = this.#turn
    this.#world.schedule.after(delayMs, () => {
      if (turn === this.#turn) run()
    })
  }
}
