const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const base64UrlText = /^[A-Za-z0-9_-]*$/

/** What standard base64 with padding stands for; undefined for anything else, of which `Buffer.from` would skip parts. */
export function decodeBase64(text: string): Uint8Array | undefined {
  return base64Text.test(text) ? Uint8Array.from(Buffer.from(text, 'base64')) : undefined
}

/** What unpadded base64url (RFC 7515 section 2) stands for, or undefined; also when the last character has spare bits. */
export function decodeBase64Url(text: string): Buffer | undefined {
  if (!base64UrlText.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
