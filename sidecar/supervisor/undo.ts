/** What has to be taken back, newest first, when a later step of a change fails. */
export class Undo {
  readonly #steps: (() => Promise<void> | void)[] = []

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step)
  }

  /** Takes everything back; a step that fails does not keep the others from being taken back. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      await Promise.allSettled([Promise.resolve().then(step)])
    }
  }
}
