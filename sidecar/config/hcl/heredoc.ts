import type { Faults } from '../faults.js'
import type { Cursor } from './cursor.js'

const opening = /<<-?[\p{L}\p{Nd}_]+(?=\n)/uy
const lineRest = /[^\n]*/y

/**
 * Reads `<<EOF` or `<<-EOF`, the cursor on the first `<`. The value keeps the line end before the closing line. The
 * closing line may be indented; with `<<-` its indentation is taken from every line, if every line has it.
 *
 * @returns its value, or undefined after reporting a fault
 */
export function scanHeredoc(cursor: Cursor, faults: Faults): string | undefined {
  const at = cursor.position()
  const marker = cursor.take(opening)
  if (marker === undefined) {
    cursor.take(lineRest)
    faults.add(
      at,
      'a heredoc starts with "<<" or "<<-" and a name of letters, digits and "_", alone to the end of the line',
    )
    return undefined
  }
  const indented = marker.startsWith('<<-')
  const name = marker.slice(indented ? 3 : 2)
  const lines: string[] = []
  cursor.offset++
  for (;;) {
    const line = cursor.take(lineRest) ?? ''
    if (cursor.atEnd) break
    if (line.trim() === name && line.endsWith(name)) {
      return join(lines, indented ? line.slice(0, -name.length) : '')
    }
    cursor.offset++
    lines.push(line)
  }
  faults.add(at, `heredoc not terminated: "${name}" must stand alone on a line that ends with a line end`)
  return undefined
}

function join(lines: readonly string[], indentation: string): string {
  const shared = lines.every((line) => line.startsWith(indentation))
  return lines.map((line) => `${shared ? line.slice(indentation.length) : line}\n`).join('')
}
