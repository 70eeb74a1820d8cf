import { createHash } from 'node:crypto'

/** The same for two lists exactly when they are the same: each field is told from the next by its length. */
export function digest(fields: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const field of fields) {
    const bytes = Buffer.from(field)
    hash.update(`${bytes.length}:`).update(bytes)
    // A copy may have been a private key.
    bytes.fill(0)
  }
  return hash.digest('base64')
}

/** A map has no order on the wire. */
export function sortedEntries(map: Readonly<Record<string, Uint8Array>>): (string | Uint8Array)[] {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flat()
}
