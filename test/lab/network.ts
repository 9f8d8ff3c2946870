import { execFile } from 'node:child_process'
import { removeNamespaces } from '../hosts/booted.ts'

/** A bridge in a network namespace of its own, which leads nowhere else. Each host that is switched on has a port. */
export interface Network extends AsyncDisposable {
  /** The namespace of the bridge itself. */
  readonly name: string
  /** Makes a host's namespace, with an eth0 that is down and has no address yet; resolves with its path. */
  plug(host: string, index: number): Promise<string>
  /** Pulls the cable, and nothing that the host still sends arrives anywhere. */
  unplug(host: string): Promise<void>
  /** From now on so many of a hundred packets are lost that one host sends to the other. */
  lose(from: string, to: string, percent?: number): Promise<void>
  /** Cuts two hosts apart, in both directions. */
  cut(one: string, other: string): Promise<void>
  /** Undoes what was done between two hosts. */
  mend(one: string, other: string): Promise<void>
  /** Gives the bridge an address, at which programs in its namespace are reached. */
  address(address: string): Promise<void>
  /** Every link is as good as new. */
  heal(): Promise<void>
}

const bridge = 'lab'

export async function openNetwork(name: string): Promise<Network> {
  const lost = new Map<string, number>()
  const apply = () => run('ip', ['netns', 'exec', name, 'nft', '-f', '-'], tableOf(lost))
  const way = (from: string, to: string) => `iifname "${from}" oifname "${to}"`
  const lose = async (from: string, to: string, percent = 100) => {
    lost.set(way(from, to), percent)
    await apply()
  }
  const namespaceOf = (host: string) => `${name}-${host}`
  await run('ip', ['netns', 'add', name])
  await ip(name, `link add ${bridge} type bridge`, `link set ${bridge} up`)
  return {
    name,
    plug: async (host, index) => {
      const namespace = namespaceOf(host)
      await run('ip', ['netns', 'add', namespace])
      // A network card keeps its address over a reboot, so nobody asks for it in vain.
      const eth0 = `eth0 address 02:00:00:00:00:${index.toString(16).padStart(2, '0')}`
      await ip(
        name,
        `link add name ${host} type veth peer name ${eth0} netns ${namespace}`,
        `link set dev ${host} master ${bridge}`,
        `link set dev ${host} up`,
      )
      return `/run/netns/${namespace}`
    },
    unplug: async (host) => {
      await ip(name, `link delete dev ${host}`)
      await removeNamespaces(namespaceOf(host))
    },
    lose,
    cut: async (one, other) => {
      await lose(one, other)
      await lose(other, one)
    },
    mend: async (one, other) => {
      for (const each of [way(one, other), way(other, one)]) lost.delete(each)
      await apply()
    },
    address: (address) => ip(name, `address replace ${address}/15 dev ${bridge}`),
    heal: async () => {
      lost.clear()
      await apply()
    },
    [Symbol.asyncDispose]: () => removeNamespaces(name),
  }
}

function tableOf(lost: ReadonlyMap<string, number>): string {
  const rules = [...lost].map(([link, percent]) => {
    return percent >= 100 ? `${link} drop` : `${link} numgen random mod 100 < ${percent} drop`
  })
  const chain = ['chain lost {', 'type filter hook forward priority 0', ...rules, '}'].join('\n')
  // Declared first, so that the old one can be deleted in the same breath.
  return `table bridge lab {}\ndelete table bridge lab\ntable bridge lab {\n${chain}\n}\n`
}

function ip(namespace: string, ...commands: readonly string[]): Promise<void> {
  return run('ip', ['-n', namespace, '-batch', '-'], commands.map((each) => `${each}\n`).join(''))
}

function run(command: string, args: readonly string[], input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, (failure, _, stderr) => {
      if (failure === null) resolve()
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr}${input}`, { cause: failure }))
    })
    // It may end before it has read all; its exit code says why.
    child.stdin?.on('error', () => undefined).end(input)
  })
}
