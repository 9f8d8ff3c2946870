import type { Context } from '../context.ts'
import { clip } from '../render/style.ts'
import { openScreen } from '../screen.ts'
import { clockSpan } from './render/words.ts'

/** Says what is being done before there is a plan: the latest line on a terminal, nothing elsewhere. */
export interface Steps extends Disposable {
  readonly tell: (line: string) => void
}

export function openSteps({ world, style, settings }: Context): Steps {
  if (settings.json || !world.out.isTTY) return { tell() {}, [Symbol.dispose]() {} }
  const startedMs = performance.now()
  let latest = ''
  const picture = (): readonly string[] => {
    const line = `${clockSpan(performance.now() - startedMs)}  ${latest}`
    return [clip(style, line, style.columns)]
  }
  const screen = openScreen(world.out, picture, { everyMs: 500, whole: false })
  return {
    tell(line) {
      latest = line
      screen.draw()
    },
    [Symbol.dispose]: () => screen.clear(),
  }
}
