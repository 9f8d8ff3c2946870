/** One server-sent event; comments and fields that guardian does not use are dropped. */
export interface StreamedEvent {
  readonly id: string
  readonly data: string
}

const eventCharsMax = 64 * 1024 * 1024

/** Reads text/event-stream from chunks that end anywhere. */
export function createEventReader(): (chunk: string) => readonly StreamedEvent[] {
  let rest = ''
  let id = ''
  let data: string[] = []
  function take(line: string): StreamedEvent | null {
    if (line === '') {
      const event = data.length === 0 ? null : { id, data: data.join('\n') }
      data = []
      return event
    }
    const [, field, value] = /^(id|data):? ?(.*)$/.exec(line) ?? []
    if (field === 'id') id = value ?? ''
    if (field === 'data') data.push(value ?? '')
    return null
  }
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n/)
    rest = lines.pop() ?? ''
    if (rest.length > eventCharsMax) throw new Error('an event without an end')
    return lines.flatMap((line) => take(line) ?? [])
  }
}
