import type { Position } from '../faults.js'

/** A place in a text that moves forward. */
export class Cursor {
  readonly text: string
  offset = 0
  #known = 0
  #line = 1
  #column = 1

  constructor(text: string) {
    this.text = text
  }

  get atEnd(): boolean {
    return this.offset >= this.text.length
  }

  peek(ahead = 0): string {
    return this.text.charAt(this.offset + ahead)
  }

  /** What a sticky expression matches here, stepping over it. */
  take(expression: RegExp): string | undefined {
    expression.lastIndex = this.offset
    const match = expression.exec(this.text)?.[0]
    if (match !== undefined) this.offset += match.length
    return match
  }

  /**
   * Line and column of an offset. Counts on from the last one asked for: a file may be one line of megabytes, and
   * counting each from the start of its line would take quadratic time.
   */
  position(offset = this.offset): Position {
    if (offset < this.#known) {
      this.#known = 0
      this.#line = 1
      this.#column = 1
    }
    for (; this.#known < offset; this.#known++) {
      const unit = this.text.charCodeAt(this.#known)
      if (unit === 0x0a) {
        this.#line++
        this.#column = 1
      } else if (unit < 0xdc00 || unit > 0xdfff) this.#column++
    }
    return { line: this.#line, column: this.#column }
  }
}
