import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outcome } from '../hosts/manager.ts'
import type { Host } from './host.ts'

/** A command of a page, and the host whose prompt it stands behind. */
export interface Command {
  readonly host: string
  readonly text: string
}

/** A console of a page: what is typed in it, in order. */
export interface Console {
  readonly section: string
  readonly commands: readonly Command[]
}

/** The consoles of a page in which something is typed, each with the heading that it stands below. */
export async function consolesOf(path: string): Promise<readonly Console[]> {
  const page = await readFile(path, 'utf8')
  return page.split(/^#{2,4} /m).flatMap((part) => {
    const [section = ''] = part.split('\n')
    return [...part.matchAll(/^```console\n(.*?)^```$/gms)].map(([, text = '']) => ({
      section,
      commands: commandsOf(text),
    }))
  })
}

/** A command goes on to the next prompt, as one with a file in it does. */
function commandsOf(text: string): readonly Command[] {
  return text.split(/^(?=\w+# )/m).map((each) => {
    const [, host = '', command = ''] = /^(\w+)# (.*)$/s.exec(each) ?? []
    return { host, text: command.trimEnd() }
  })
}

/** What consoles type, with another host in the place of one. */
export function typedOn(consoles: readonly Console[], name: string, instead = name): readonly Command[] {
  return consoles
    .flatMap(({ commands }) => commands)
    .map(({ host, text }) => ({ host: host === name ? instead : host, text: text.replaceAll(name, instead) }))
}

/** Types a command as root at home. There is no ssh between the hosts of a lab: a copy is made from outside. */
export async function type(hosts: readonly Host[], { host: name, text }: Command): Promise<Outcome> {
  const host = hostOf(hosts, name)
  const [, from, to, path] = /^scp (\S+) (\w+):(\S+)$/.exec(text) ?? []
  if (from === undefined || to === undefined || path === undefined) return host.tried('bash', '-c', `cd /root\n${text}`)
  await writeFile(join(hostOf(hosts, to).root, path), await readFile(join(host.root, 'root', from)))
  return { code: 0, stdout: '', stderr: '' }
}

export function hostOf(hosts: readonly Host[], name: string): Host {
  const found = hosts.find((host) => host.name === name)
  if (found === undefined) throw new Error(`there is no host ${name}`)
  return found
}
