import { write } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where finished lines go. */
export interface LineSink {
  /** Queues one line (without its end); never blocks. */
  writeLine(line: string): void
  /** Resolves when what is queued was written, or could not be in time. */
  flush(): Promise<void>
  /** Lines that were given up because the reader did not keep up. */
  readonly lostLines: number
}

const queueLimitBytes = 4 * 1024 * 1024
const retryAfterMs = 20
const flushTimeoutMs = 1000
const flushLookMs = 2

/**
 * Writes lines to a descriptor with one write under way at a time.
 * `process.stderr` writes to pipes synchronously, so a log reader that stalls would stop the control plane;
 * here it costs lines, which are counted.
 */
export class LineWriter implements LineSink {
  lostLines = 0
  readonly #fd: number
  #queue: string[] = []
  #queuedBytes = 0
  #underway: Buffer | undefined
  #soon = false

  constructor(fd: number) {
    this.#fd = fd
  }

  writeLine(line: string): void {
    const bytes = Buffer.byteLength(line) + 1
    if (this.#queuedBytes + bytes > queueLimitBytes) {
      this.lostLines += 1
      return
    }
    this.#queue.push(line)
    this.#queuedBytes += bytes
    if (this.#underway === undefined) this.#writeSoon()
  }

  async flush(): Promise<void> {
    const deadline = performance.now() + flushTimeoutMs
    while ((this.#underway !== undefined || this.#queue.length > 0) && performance.now() < deadline)
      await sleep(flushLookMs)
  }

  /** After what runs now: lines that come together are written together. */
  #writeSoon(): void {
    if (this.#soon) return
    this.#soon = true
    queueMicrotask(() => {
      this.#soon = false
      if (this.#underway === undefined && this.#queue.length > 0) this.#writeNext()
    })
  }

  #takeQueue(): Buffer {
    const lines = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    return Buffer.from(lines.length === 0 ? '' : `${lines.join('\n')}\n`)
  }

  #writeNext(): void {
    this.#underway = this.#takeQueue()
    this.#writeRest()
  }

  #writeRest(): void {
    const chunk = this.#underway
    if (chunk === undefined) return
    write(this.#fd, chunk, (error, written) => {
      if (this.#underway !== chunk) return
      if (error !== null) this.#failed(error)
      else this.#wrote(chunk, written)
    })
  }

  #wrote(chunk: Buffer, written: number): void {
    if (written < chunk.length) {
      this.#underway = chunk.subarray(written)
      this.#writeRest()
      return
    }
    this.#underway = undefined
    if (this.#queue.length > 0) this.#writeNext()
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EAGAIN') {
      setTimeout(() => this.#writeRest(), retryAfterMs).unref()
      return
    }
    // The reader is gone for good: go on without a log rather than without traffic.
    this.lostLines += this.#queue.length + 1
    this.#underway = undefined
    this.#takeQueue()
  }
}
