// What a terminal or a line-based reader could act on: C0 and C1 controls, DEL, Unicode line separators and the
// bidirectional overrides that let text display as something other than what it says.
// oxlint-disable-next-line no-control-regex
const dangerous = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** `text` on one line and inert: every control or direction-changing character as `\uXXXX`. */
export function escapeText(text: string): string {
  return text.replace(dangerous, escapeCharacter)
}

/** `value` as JSON that is inert in a terminal too; JSON itself leaves DEL, C1 and bidirectional overrides as they are. */
export function escapedJson(value: unknown): string {
  return escapeText(JSON.stringify(value))
}
