import type { Host } from './host.ts'
import type { Member } from './member.ts'

/** Things that the thief of an agent would try, as its user and in its sandbox; resolves with those that worked. */
export async function loot({ host, units }: Pick<Member, 'host' | 'units'>): Promise<readonly string[]> {
  const pid = await host.show('io-guardian.service', 'MainPID')
  const dependent = units.find((unit) => unit.endsWith('.service')) ?? ''
  const orders: readonly (readonly string[])[] = [
    ...['systemd-logind.service', 'dbus.service', 'networking.service', 'io-guardian.service', dependent].map(
      (unit) => ['stop', unit],
    ),
    ['start', 'redis-server.service'],
    ['start', 'rescue.target'],
    ...['restart', 'reload', 'try-restart'].map((verb) => [verb, dependent]),
    ...['kill', 'freeze', 'clean'].map((verb) => [verb, dependent]),
    ['kill', 'io-databases.target'],
    ...['go-back', 'exit', 'prefetch-x'].map((action) => [
      'start',
      `io-guardian-rebuild@${action}-${'a'.repeat(31)}f.service`,
    ]),
    ['start', 'io-guardian-rebuild-resume.service'],
    ['stop', `io-guardian-rebuild@prefetch-${'a'.repeat(32)}.service`],
    ['isolate', 'rescue.target'],
    ['set-property', dependent, 'MemoryMax=1'],
    ['mask', dependent],
    ['disable', dependent],
    ['enable', 'redis-server.service'],
    ['set-default', 'rescue.target'],
    ['daemon-reload'],
    ['daemon-reexec'],
    ['set-environment', 'LD_PRELOAD=/tmp/evil.so'],
    ['reboot'],
    ['poweroff'],
  ]
  const worked = await worth(
    host,
    pid,
    orders.map((order) => ['systemctl', '--no-ask-password', ...order]),
  )
  const run = ['systemd-run', '--no-ask-password', 'true']
  const read = ['/etc/guardian/psk', '/etc/guardian/fleet.key', '/etc/shadow'].map((path) => ['cat', path])
  return [...worked, ...(await worth(host, pid, [run, ...read])), ...(await writable(host, pid))]
}

async function worth(host: Host, pid: string, commands: readonly (readonly string[])[]): Promise<readonly string[]> {
  const worked: string[] = []
  for (const command of commands) {
    if ((await asAgent(host, pid, ...command)).code === 0) worked.push(command.join(' '))
  }
  return worked
}

/** Directories that it may write to, besides its own, those that are private to it, and the locks of everybody. */
async function writable(host: Host, pid: string): Promise<readonly string[]> {
  const { stdout } = await asAgent(
    host,
    pid,
    'find',
    '/',
    '-path',
    '/proc',
    '-prune',
    '-o',
    '-type',
    'd',
    '-writable',
    '-print',
  )
  const own = /^\/(var\/lib|run)\/io-guardian(\/|$)|^\/(var\/)?tmp(\/|$)|^\/dev\/(shm|mqueue)$|^\/run\/lock$/
  return stdout.split('\n').filter((path) => path !== '' && !own.test(path))
}

export function asAgent(host: Host, pid: string, ...command: readonly string[]) {
  const rights = [
    '--reuid=io-guardian',
    '--regid=io-guardian',
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
  ]
  return host.tried('nsenter', '--target', pid, '--mount', '--', 'setpriv', ...rights, ...command)
}
