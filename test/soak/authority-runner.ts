import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChildProgram } from './child-program.js'
import type { Ledger } from './ledger.js'

const pauseMs = [25_000, 50_000] as const

/** The embedded authority as a process of its own, ended now and then, in order or by SIGKILL, and started again. */
export class AuthorityRunner implements AsyncDisposable {
  /** Seconds since the beginning at which it was restarted. */
  readonly restarts: number[] = []
  #child: ChildProgram

  constructor(
    private readonly args: readonly string[],
    private readonly ledger: Ledger,
  ) {
    this.#child = this.#start()
  }

  async restartNowAndThen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(randomInt(...pauseMs), undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await this.#child.stop(this.restarts.length % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
      this.#child = this.#start()
      this.restarts.push(this.ledger.seconds)
      this.ledger.done('authority restarts')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop()
  }

  #start(): ChildProgram {
    return new ChildProgram('authority', this.args, {
      onLine: (line) => {
        if (line.level === 'error') this.ledger.fail('processes', `authority: ${JSON.stringify(line)}`)
      },
      onEnd: (how) => this.ledger.fail('processes', `authority: ${how}`),
    })
  }
}
