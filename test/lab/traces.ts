import type { Host } from './host.ts'

/** Everything of a host that has a name of guardian's: files, users, groups. */
export function traces(host: Host): Promise<string> {
  return host.run(
    'sh',
    '-c',
    "find /etc /usr /var /run /lib/systemd -xdev '(' -name '*guardian*' -o -name 'io-database*' ')' ! -path '/var/lib/dpkg/*' ! -path '/var/log/*' ! -path '/root/*'; getent passwd | grep guardian; getent group | grep guardian; true",
  )
}
