import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { JobOrder } from '../../protocol/rebuild.ts'
import { openMemory } from '../../rebuild/adapters/memory.ts'
import { installGuardian } from '../hosts/program.ts'
import { until } from '../hosts/until.ts'

export const job = '4f6a2c8e0b1d3f5a7c9e1b3d5f7a9c0e'
export const oldSystem = systemPath('1')
export const newSystem = systemPath('2')

export function systemPath(letter: string): string {
  return `/nix/store/${letter.repeat(32)}-nixos-system-web1-${letter}`
}

export const order: JobOrder = {
  job,
  rollout: 'r1',
  want: 'prefetched',
  source: { mode: 'closure', system: newSystem },
  mode: 'auto',
  adopt: false,
  activateLimitMs: 60_000,
  rebootLimitMs: 60_000,
  confirmMs: 300_000,
  settleMs: 0,
  probes: [],
  self: null,
}

export interface Ended {
  readonly code: number
  readonly err: string
}

const tree = fileURLToPath(new URL('../..', import.meta.url))
const { PATH = '' } = process.env

/** A machine in a directory, with NixOS's programs as small scripts; the helper is a real process on it. */
export class Rig {
  readonly root: string
  readonly memory: ReturnType<typeof openMemory>
  readonly #configFile: string

  constructor(root: string) {
    this.root = root
    this.memory = openMemory(this.at('/var/lib/io-guardian-rebuild'))
    this.#configFile = this.at('/etc/guardian/rebuild.json')
  }

  at(path: string): string {
    return join(this.root, path)
  }

  async configure(more: object = {}): Promise<void> {
    const config = {
      host: 'web1',
      closure: 'any',
      root: this.root,
      stateDir: this.at('/var/lib/io-guardian-rebuild'),
      agentStateDir: this.at('/var/lib/io-guardian'),
      bootIdFile: this.at('/boot-id'),
      freeMiB: { nix: 0, boot: 0 },
      ...more,
    }
    await writeFile(this.#configFile, JSON.stringify(config), { mode: 0o644 })
  }

  async addSystem(path: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
    const place = this.at(path)
    await mkdir(join(place, 'bin'), { recursive: true })
    await mkdir(join(place, 'etc'))
    await cp(join(tree, 'test/rebuild/toolbox/switch-to-configuration'), join(place, 'bin/switch-to-configuration'))
    const all = {
      'nixos-version': '26.05',
      'etc/hostname': 'web1\n',
      kernel: 'k',
      initrd: 'i',
      'kernel-modules': 'm',
      ...files,
    }
    for (const [name, text] of Object.entries(all)) await writeFile(join(place, name), text)
  }

  async give(more: Partial<JobOrder> = {}): Promise<void> {
    const record = { version: 1, order: { ...order, ...more }, baseline: null }
    await writeFile(this.at(`/var/lib/io-guardian/jobs/${record.order.job}.json`), JSON.stringify(record))
  }

  /** `guardian rebuild` to its end. */
  async helper(...argv: readonly string[]): Promise<Ended> {
    const [file = '', ...program] = await installed()
    return await this.#run(file, [...program, 'rebuild', ...argv, '--config', this.#configFile])
  }

  /** What the timer of the way back would start. */
  async deadMan(which: 'deadman' | 'confirm' = 'confirm'): Promise<Ended> {
    const [file = '', ...args] = (await readFile(this.at(`/units/guardian-${which}-${job}.timer`), 'utf8'))
      .trim()
      .split(' ')
    return await this.#run(file, args)
  }

  #run(file: string, args: readonly string[]): Promise<Ended> {
    const env = { PATH: `${this.at('/toolbox')}:${PATH}`, HOME: this.root }
    return new Promise((resolve) => {
      const child = execFile(file, [...args], { env, cwd: tree }, (failure, _out, err) => {
        resolve({ code: failure === null ? 0 : typeof failure.code === 'number' ? failure.code : 137, err })
      })
      writeFileSync(this.at('/helper'), `${child.pid}`)
    })
  }

  async switched(): Promise<void> {
    await until('the switch has ended', async () => (await this.memory.results(job)).exit !== null)
  }

  async wentBack(): Promise<void> {
    await until('the host is back', async () => (await this.memory.results(job)).revert !== null)
    await until('the way back has ended', () => this.has(`/units/guardian-revert-${job}.ended`))
  }

  async has(path: string): Promise<boolean> {
    return await readFile(this.at(path)).then(
      () => true,
      () => false,
    )
  }

  /** Nothing runs any more, wherever it was. */
  async cutPower(): Promise<void> {
    for (const name of await readdir(this.at('/units'))) {
      if (!name.endsWith('.group')) continue
      const group = Number(await readFile(this.at(`/units/${name}`), 'utf8'))
      await until(`${name} is gone`, () => !isAlive(group))
    }
  }

  /** The machine comes up with what its loader starts. */
  async boot(): Promise<string> {
    await this.cutPower()
    const once = await readFile(this.at('/oneshot'), 'utf8').catch(() => null)
    await rm(this.at('/oneshot'), { force: true })
    const conf = await readFile(this.at('/boot/loader/loader.conf'), 'utf8')
    const chosen = once?.trim() ?? /^default (\S+)$/m.exec(conf)?.[1] ?? ''
    const entryText = await readFile(this.at(`/boot/loader/entries/${chosen}`), 'utf8')
    const system = /init=(\S+)\/init/.exec(entryText)?.[1] ?? ''
    for (const name of ['current-system', 'booted-system']) {
      await rm(this.at(`/run/${name}`), { force: true })
      await symlink(system, this.at(`/run/${name}`))
    }
    await rm(this.at('/units'), { recursive: true })
    await mkdir(this.at('/units'))
    await writeFile(this.at('/boot-id'), `${Number(await readFile(this.at('/boot-id'), 'utf8')) + 1}`.padStart(32, '0'))
    return system
  }

  async runs(): Promise<string> {
    return await readlink(this.at('/run/current-system'))
  }

  async log(): Promise<readonly string[]> {
    return (await readFile(this.at('/log'), 'utf8').catch(() => '')).trim().split('\n')
  }
}

/** Kills a process group, and says whether anything of it is still there. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 'SIGKILL')
    return true
  } catch {
    return false
  }
}

let program: Promise<readonly string[]> | null = null

/** guardian as it ships, which starts sooner than its source. */
export function installed(): Promise<readonly string[]> {
  program ??= (async () => {
    const directory = await mkdtemp(join(tmpdir(), 'guardian-program-'))
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
    return await installGuardian(join(directory, 'guardian'))
  })()
  return program
}

export async function openRig(t: Test, config: object = {}): Promise<Rig> {
  const rig = new Rig(await mkdtemp(join(tmpdir(), 'guardian-rebuild-')))
  t.teardown(async () => {
    await rig.cutPower()
    await rm(rig.root, { recursive: true })
  })
  for (const path of [
    'etc/guardian',
    'var/lib/io-guardian/jobs',
    'var/lib/io-guardian-rebuild',
    'run/nixos',
    'units',
  ]) {
    await mkdir(rig.at(path), { recursive: true })
  }
  await mkdir(rig.at('/nix/var/nix/profiles'), { recursive: true })
  await cp(join(tree, 'test/rebuild/toolbox'), rig.at('/toolbox'), { recursive: true })
  await writeFile(rig.at('/boot-id'), '1'.padStart(32, '0'))
  await rig.configure(config)
  await rig.addSystem(oldSystem)
  await rig.addSystem(newSystem)
  await symlink(oldSystem, rig.at('/nix/var/nix/profiles/system-1-link'))
  await symlink('system-1-link', rig.at('/nix/var/nix/profiles/system'))
  await mkdir(rig.at('/boot/loader/entries'), { recursive: true })
  await writeFile(rig.at('/boot/loader/loader.conf'), 'timeout 5\ndefault nixos-generation-1.conf\n')
  await writeFile(rig.at('/boot/loader/entries/nixos-generation-1.conf'), `options init=${oldSystem}/init\n`)
  await rig.boot()
  await rig.give()
  return rig
}
