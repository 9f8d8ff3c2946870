import { readFile } from 'node:fs/promises'

export interface Edge {
  readonly from: string
  readonly to: string
  readonly by: string
}

/** The edges of the state diagram under a heading of a page; an edge of a group is one of each of its states. */
export async function edgesOf(path: string, heading: string): Promise<readonly Edge[]> {
  const page = await readFile(path, 'utf8')
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  const groups = new Map(
    [...section.matchAll(/^ {2}state (\S+) \{\n((?: {4}\S+\n)+) {2}\}$/gm)].map(([, name = '', members = '']) => [
      name,
      members.trim().split(/\s+/),
    ]),
  )
  // A diagram's names have no hyphens.
  const named = (text: string) => text.replaceAll('_', '-')
  return [...section.matchAll(/^ {2}(\S+) --> (\S+): (\S+)$/gm)].flatMap(([, from = '', to = '', by = '']) =>
    (groups.get(from) ?? [from]).map((each) => ({ from: named(each), to: named(to), by })),
  )
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
