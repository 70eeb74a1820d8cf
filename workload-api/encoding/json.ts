/** A JSON object somebody else wrote: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of UTF-8 bytes, or undefined when they are anything else: no replacement characters. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The object a JSON text stands for; undefined when it is no JSON or no object. */
export function readJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    // V8's message quotes the text, which may be a token.
    return undefined
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Strings, brackets, commas, colons and everything between them: all there is in a text that `JSON.parse` accepted. */
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gu

/**
 * The values of a top-level member as they are written, one for each time it occurs. `JSON.parse` keeps the last of
 * several and rounds integers above 2^53, so that two readers of one document could see different numbers. The text
 * must be one that `JSON.parse` accepts.
 */
export function rawMembers(text: string, name: string): readonly string[] {
  const found: string[] = []
  let depth = 0
  let previous = ''
  let member: string | undefined
  for (const [piece] of text.matchAll(token)) {
    if (piece === ':' && depth === 1) member = previous
    else if (member !== undefined && depth === 1) {
      if (JSON.parse(member) === name) found.push(piece)
      member = undefined
    }
    if (piece === '{' || piece === '[') depth += 1
    else if (piece === '}' || piece === ']') depth -= 1
    previous = piece
  }
  return found
}
