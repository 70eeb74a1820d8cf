import { TpmConnection, type TpmConnectionOptions } from './tpm-connection.js'

/** A connection and how to give it up. The last who leaves closes it. */
export interface SharedConnection {
  readonly connection: TpmConnection
  readonly leave: () => Promise<void>
}

interface Entry {
  readonly opening: Promise<TpmConnection>
  users: number
}

/** Those that are open or being opened, and those that are being closed. */
const open = new Map<string, Entry>()
const closing = new Map<string, Promise<void>>()

/**
 * One connection for all providers of this process that mean the same TPM and would open it the same way: a TPM without
 * resource manager has one client, and a reload opens the new provider before it closes the old one. `way` tells what
 * else than the address makes two connections different. Throws `ParsecError`.
 */
export async function joinConnection(way: string, options: TpmConnectionOptions): Promise<SharedConnection> {
  const key = JSON.stringify([options.tcti.text, options.saltedSessions, options.operationTimeoutMs, way])
  await closing.get(key)
  const entry = open.get(key) ?? { opening: TpmConnection.open(options), users: 0 }
  open.set(key, entry)
  entry.users += 1
  let left: Promise<void> | undefined
  const leave = () => (left ??= leaveEntry(key, entry))
  try {
    return { connection: await entry.opening, leave }
  } catch (error) {
    if (open.get(key) === entry) open.delete(key)
    throw error
  }
}

async function leaveEntry(key: string, entry: Entry): Promise<void> {
  entry.users -= 1
  if (entry.users > 0 || open.get(key) !== entry) return
  open.delete(key)
  const closed = entry.opening.then((connection) => connection.close())
  closing.set(key, closed)
  try {
    await closed
  } finally {
    closing.delete(key)
  }
}
