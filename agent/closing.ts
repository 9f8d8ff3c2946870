/** What was opened so far; closed in reverse order, each in spite of the others. */
export class Closing implements AsyncDisposable {
  readonly #steps: (() => Promise<void> | void)[] = []

  defer(step: () => Promise<void> | void): void {
    this.#steps.push(step)
  }

  use<Opened extends AsyncDisposable | Disposable>(opened: Opened): Opened {
    this.defer(() =>
      Symbol.asyncDispose in opened ? Promise.resolve(opened[Symbol.asyncDispose]()) : opened[Symbol.dispose](),
    )
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (cause) {
        failures.push(cause)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
