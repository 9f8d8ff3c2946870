import { readFile } from 'node:fs/promises'

export interface Edge {
  readonly from: string
  readonly to: string
  readonly by: string
}

/** The edges of the state diagram in a page. */
export async function edgesOf(path: string): Promise<readonly Edge[]> {
  const page = await readFile(path, 'utf8')
  return [...page.matchAll(/^ {2}(\S+) --> (\S+): (\S+)$/gm)].map(([, from = '', to = '', by = '']) => ({
    from,
    to,
    by,
  }))
}

/** Files and folders of the tree that a page names. */
export async function namesOf(path: string): Promise<readonly string[]> {
  const page = await readFile(path, 'utf8')
  const named = page.matchAll(
    /[`(]((?:protocol|daemon|agent|coordinator|gate|ctl|install|units|bin|docs|test)\/[\w./-]*)(?=[`) #])/g,
  )
  return [...new Set([...named].map(([, name = '']) => name.replace(/[.]$/, '')))]
}

/** Links of a page to its own headings that lead nowhere. */
export async function lostAnchorsOf(path: string): Promise<readonly string[]> {
  const page = await readFile(path, 'utf8')
  const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor)
  return links.filter((anchor) => !headings.includes(anchor))
}

/** As a page's host makes an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}
