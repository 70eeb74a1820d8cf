/** Reads the alert out of what a program says of a failed connection, and out of bytes on the wire. */

/** OpenSSL, and so Node, ends its message with `SSL alert number N`. */
export function alertInText(text: string): number | null {
  const found = /SSL alert number (\d+)/.exec(text)
  return found === null ? null : Number(found[1])
}

const alertRecord = 21

/** The first alert among unencrypted TLS records (RFC 8446 section 5.1), or null. */
export function alertInRecords(bytes: Uint8Array): number | null {
  const view = Buffer.from(bytes)
  for (let offset = 0; offset + 5 <= view.length; offset += 5 + view.readUInt16BE(offset + 3)) {
    if (view[offset] === alertRecord) return view[offset + 6] ?? null
  }
  return null
}
