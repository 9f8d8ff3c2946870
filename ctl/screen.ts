import type { Terminal } from './world.ts'

/** A part of the terminal that is drawn again and again, below what was printed before. */
export interface Screen extends Disposable {
  /** At most so often as an eye can follow; the latest picture wins. */
  draw(): void
  /** Prints lines that stay, above the picture. */
  above(lines: readonly string[]): void
  /** Draws for the last time and leaves the picture. */
  finish(): void
  /** Takes the picture away: something else is printed in its place. */
  clear(): void
}

const frameMs = 100

/** `picture` is asked for at each frame; `everyMs` draws without being told, so that clocks go on. */
export function openScreen(
  terminal: Terminal,
  picture: (rows: number) => readonly string[],
  { everyMs, whole }: { readonly everyMs: number; readonly whole: boolean },
): Screen {
  let height = 0
  let frame: NodeJS.Timeout | null = null
  let ended = false
  function paintNow(): void {
    const lines = picture(terminal.rows).slice(0, Math.max(1, terminal.rows - 1))
    const back = whole ? '\u001b[H' : height === 0 ? '' : `\u001b[${height}A\r`
    const body = lines.map((line) => `${line}\u001b[K\n`).join('')
    terminal.write(`${back}${body}\u001b[J`)
    height = lines.length
  }
  function wipe(): void {
    terminal.write(height === 0 ? '' : `\u001b[${height}A\r\u001b[J`)
    height = 0
  }
  if (whole) terminal.write('\u001b[2J')
  const clock = setInterval(draw, everyMs)
  function draw(): void {
    if (ended) return
    frame ??= setTimeout(() => {
      frame = null
      paintNow()
    }, frameMs)
  }
  function stop(): void {
    ended = true
    clearInterval(clock)
    if (frame !== null) clearTimeout(frame)
    frame = null
  }
  paintNow()
  return {
    draw,
    above(lines) {
      if (ended || lines.length === 0) return
      wipe()
      terminal.write(lines.map((line) => `${line}\n`).join(''))
      paintNow()
    },
    finish() {
      if (!ended) paintNow()
      stop()
    },
    clear() {
      if (!ended) wipe()
      stop()
    },
    [Symbol.dispose]: stop,
  }
}
