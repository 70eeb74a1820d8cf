/** The arguments, or where and why the text is none (columns count bytes from 1, as spiffe-helper's message does). */
export type SplitArguments =
  { readonly arguments: readonly string[] } | { readonly column: number; readonly fault: string }

/**
 * Splits `cmd_args` as spiffe-helper does, which reads it as one line of CSV with the space as separator: quotes group
 * only at the start of an argument, `""` in quotes is a quote, two spaces enclose an empty argument, a tab separates
 * nothing, and what follows the first line is not read.
 */
export function splitArguments(text: string): SplitArguments {
  const result: string[] = []
  if (text === '') return { arguments: result }
  for (let index = 0; ;) {
    const field = text[index] === '"' ? quotedField(text, index) : bareField(text, index)
    if ('fault' in field) return { column: Buffer.byteLength(text.slice(0, field.at)) + 1, fault: field.fault }
    result.push(field.value)
    if (text[field.end] !== ' ') return { arguments: result }
    index = field.end + 1
  }
}

type Field = { readonly value: string; readonly end: number } | { readonly at: number; readonly fault: string }

function bareField(text: string, start: number): Field {
  const length = text.slice(start).search(/[ \n]|\r\n/)
  const end = length === -1 ? text.length : start + length
  const quote = text.slice(start, end).indexOf('"')
  if (quote !== -1) return { at: start + quote, fault: 'bare " in non-quoted field' }
  return { value: text.slice(start, end), end }
}

function quotedField(text: string, start: number): Field {
  let value = ''
  for (let index = start + 1; ;) {
    const quote = text.indexOf('"', index)
    if (quote === -1) return { at: text.length, fault: 'extraneous or missing " in quoted-field' }
    value += text.slice(index, quote)
    const next = text[quote + 1]
    if (next === '"') {
      value += '"'
      index = quote + 2
    } else if (next === undefined || next === ' ' || next === '\n' || text.startsWith('\r\n', quote + 1)) {
      return { value, end: quote + 1 }
    } else {
      return { at: quote, fault: 'extraneous or missing " in quoted-field' }
    }
  }
}
