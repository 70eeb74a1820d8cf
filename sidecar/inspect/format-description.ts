import { escapeText } from '../log/escape-text.js'
import type { Description } from './describe-chain.js'

/** A description as indented lines; what a certificate says is escaped. */
export function formatDescription(description: Description): string {
  const width = Math.max(0, ...description.rows.map(([name]) => name.length))
  const rows = description.rows.map(([name, value]) => `  ${name.padEnd(width)}  ${escapeText(value)}`)
  return [escapeText(description.title), ...rows].join('\n')
}
