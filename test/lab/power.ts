import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { strike } from '../hosts/booted.ts'
import { killCgroup, removeCgroup } from '../hosts/cgroup.ts'
import { launch } from '../hosts/launch.ts'
import type { Network } from './network.ts'
import { until } from './until.ts'

/** A host that is switched on. */
export interface Power {
  /** Its PID 1, as this machine counts. */
  readonly leader: number
  readonly cgroup: string
  /** Resolves when it is off, whoever switched it off, and nothing of it runs any more. */
  readonly off: Promise<void>
  /** Pulls the plug: the cable first, so that no socket says goodbye. */
  cut(): Promise<void>
}

interface Parts {
  readonly id: string
  readonly name: string
  readonly index: number
  readonly directory: string
  readonly root: string
  readonly network: Network
}

/** Resolves when PID 1 runs; units are still to be started. */
export async function switchOn({ id, name, index, directory, root, network }: Parts): Promise<Power> {
  const namespace = await network.plug(name, index)
  const log = join(directory, 'console')
  const command = [
    ...['systemd-nspawn', '--quiet', '--boot', '--register=no', '--keep-unit', '--resolv-conf=off', '--timezone=off'],
    // Its own network: to set addresses it needs the capability that a private network would have given it.
    ...['--directory', root, `--network-namespace-path=${namespace}`, '--capability=CAP_NET_ADMIN'],
    ...[`--machine=${id}`, `--hostname=${name}`, '--console=pipe'],
  ]
  // systemd 257 refuses the hybrid hierarchy that the machine may have.
  const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' }
  const { pid, cgroup, exited } = await launch({ id, command, environment, log, scratch: [] })
  const killAtExit = () => killCgroup(cgroup)
  process.once('exit', killAtExit)
  let pulled = false
  const off = exited.then(async () => {
    process.off('exit', killAtExit)
    await removeCgroup(cgroup)
    if (!pulled) await network.unplug(name)
    await strike(id)
  })
  const cut = async () => {
    pulled = true
    await network.unplug(name)
    killCgroup(cgroup)
    await off
  }
  const ended = exited.then(async () => {
    throw new Error(`host ${name} did not start: ${await readFile(log, 'utf8')}`)
  })
  const leader = await Promise.race([leaderOf(pid, name), ended])
  ended.catch(() => undefined)
  return { leader, cgroup, off, cut }
}

/** The child of systemd-nspawn, once it has become the host's init. */
async function leaderOf(pid: number, name: string): Promise<number> {
  return until(`host ${name} has a PID 1`, async () => {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    const [child] = children.split(' ').filter(Boolean).map(Number)
    if (child === undefined) return false
    return (await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '')).trim() === 'systemd' && child
  })
}
