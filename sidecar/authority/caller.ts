/** The process at the other end of a connection, as the kernel names it. */
export interface Caller {
  readonly uid: number
  readonly pid: number
}

const form = /^uid=(\d+),pid=(\d+)$/u

/** How a caller travels through gRPC, which knows of a peer only its address. */
export function formatCaller({ uid, pid }: Caller): string {
  return `uid=${uid},pid=${pid}`
}

/** Undefined for anything a connection that was not admitted by us would be called. */
export function parseCaller(peer: string): Caller | undefined {
  const [, uid, pid] = form.exec(peer) ?? []
  return uid === undefined || pid === undefined ? undefined : { uid: Number(uid), pid: Number(pid) }
}
