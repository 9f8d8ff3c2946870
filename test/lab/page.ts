import { readFile } from 'node:fs/promises'

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
  return page.split(/^## /m).flatMap((part) => {
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
