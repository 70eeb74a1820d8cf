const stuck = new Map<object, string>()

/**
 * What calls into a device's library do not return, in words for a log line; empty when all do. A thread inside such a
 * call cannot be ended, and Node's own exit waits for it for ever: a process that must end has to kill itself.
 */
export function stuckDeviceCalls(): readonly string[] {
  return [...stuck.values()]
}

/** Notes that a call made for `owner` does not return. */
export function noteStuckCall(owner: object, description: string): void {
  stuck.set(owner, description)
}

/** The call of `owner` has returned after all. */
export function forgetStuckCall(owner: object): void {
  stuck.delete(owner)
}
