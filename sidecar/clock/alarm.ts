/** The wall clock is looked at this often: long timers overflow, and they stop while a machine is suspended. */
const checkMs = 10_000

/** Waits for a moment of the wall clock, and can be woken before it. For one waiter. */
export class Alarm {
  #woken = false
  #resume: (() => void) | undefined

  /** Ends the wait, or the next one when nobody waits: a wake between two waits is not lost. */
  wake(): void {
    this.#woken = true
    this.#resume?.()
  }

  /** Resolves when the clock shows `time` (milliseconds since the epoch) or later, or at a wake. */
  async until(time: number): Promise<void> {
    while (!this.#woken && Date.now() < time) await this.#sleep(Math.min(time - Date.now(), checkMs))
    this.#woken = false
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer)
        this.#resume = undefined
        resolve()
      }
      const timer = setTimeout(finish, milliseconds)
      this.#resume = finish
    })
  }
}
