/**
 * Names one character by its code point, so that text a peer chose (a newline, an escape code, a right-to-left mark)
 * can be spoken of in a message without being in it.
 */
export function describeCharacter(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0
  const shown = codePoint > 0x20 && codePoint < 0x7f ? `the character "${character}"` : 'the character'
  return `${shown} U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`
}
