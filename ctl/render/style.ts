/** How a picture is drawn: all that a renderer may know of the terminal. */
export interface Style {
  readonly columns: number
  readonly color: boolean
  readonly unicode: boolean
}

const codes = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const
export type Ink = keyof typeof codes

/** Text in colour, where the style has colour. */
export function paint(style: Style, ink: Ink, text: string): string {
  return style.color && text !== '' ? `\u001b[${codes[ink]}m${text}\u001b[0m` : text
}

/** A text without its colour. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is how colour is written
  return text.replaceAll(/\u001b\[\d+m/g, '')
}

/** Somebody else's text, without what would draw on this terminal. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is how terminals are drawn on
  return text.replaceAll(/\u001b\[[\d;]*[A-Za-z]/g, '').replaceAll(/\p{Cc}/gu, ' ')
}

/** Columns that a text takes, colour not counted. */
export function widthOf(text: string): number {
  return [...plain(text)].length
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** Cuts plain text to a width and shows that it did. */
export function clip(style: Style, text: string, width: number): string {
  const signs = [...text]
  if (signs.length <= width) return text
  const mark = style.unicode ? '…' : '...'
  return width <= mark.length
    ? signs.slice(0, Math.max(0, width)).join('')
    : `${signs.slice(0, width - mark.length).join('')}${mark}`
}

/** Names in as many columns as fit, read downwards, as `ls` does. */
export function columnsOf(style: Style, names: readonly string[], indent = 2): readonly string[] {
  const width = Math.max(1, ...names.map(widthOf)) + 2
  const across = Math.max(1, Math.floor((style.columns - indent + 2) / width))
  const down = Math.ceil(names.length / across)
  return Array.from({ length: down }, (_, row) => {
    const cells = Array.from({ length: across }, (_, at) => names[row + at * down] ?? '')
    return `${' '.repeat(indent)}${cells.map((name) => padEnd(name, width)).join('')}`.trimEnd()
  })
}

/** Rows whose cells stand under each other; the last cell takes what is left and is cut there. */
export function alignedOf(style: Style, rows: readonly (readonly string[])[], indent = 2): readonly string[] {
  const last = Math.max(0, ...rows.map((row) => row.length)) - 1
  const widths = Array.from({ length: last }, (_, at) => Math.max(0, ...rows.map((row) => widthOf(row[at] ?? ''))))
  return rows.map((row) => {
    const head = widths.map((width, at) => `${padEnd(row[at] ?? '', width)}  `).join('')
    const left = style.columns - indent - widthOf(head)
    return `${' '.repeat(indent)}${head}${clipPainted(style, row[last] ?? '', Math.max(8, left))}`.trimEnd()
  })
}

// Painted text is never cut inside a colour: it loses its colour instead.
function clipPainted(style: Style, text: string, width: number): string {
  return widthOf(text) <= width ? text : clip(style, plain(text), width)
}

/** A command that a person may copy: `wrapped` does not break it. */
export function unbroken(command: string): string {
  return command.replaceAll(' ', '\u00a0')
}

/** Words in lines that end before the last column. */
export function wrapped(style: Style, text: string, indent = 0): readonly string[] {
  const width = Math.max(20, style.columns - indent)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  if (line !== '') lines.push(line)
  return lines.map((one) => `${' '.repeat(indent)}${one.replaceAll('\u00a0', ' ')}`)
}

/** So many of all, in `width` columns. */
export function barOf(style: Style, done: number, all: number, width: number): string {
  const full = all === 0 ? width : Math.floor((done / all) * width)
  const [on, off] = style.unicode ? ['█', '░'] : ['#', '-']
  return (
    paint(style, done === all ? 'green' : 'yellow', on.repeat(full)) + paint(style, 'dim', off.repeat(width - full))
  )
}

/** A reason for a line that names the host already. */
export function reasonBeside(host: string, reason: string): string {
  return reason.startsWith(`${host}: `) ? reason.slice(host.length + 2) : reason
}

export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}

/** The first few names, and how many more. */
export function someOf(names: readonly string[], max = 5): string {
  if (names.length <= max + 1) return names.join(', ')
  return `${names.slice(0, max).join(', ')} and ${names.length - max} more`
}

/** The shortest beginnings, eight signs at least, by which ids can be told apart. */
export function shortIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const short = new Map<string, string>()
  for (const id of ids) {
    let length = firstLength(id)
    while (length < id.length && ids.some((other) => other !== id && other.startsWith(id.slice(0, length)))) length += 1
    short.set(id, id.slice(0, length))
  }
  return short
}

function firstLength(id: string): number {
  return id.lastIndexOf('/') === -1 ? 8 : id.indexOf('/') + 9
}
