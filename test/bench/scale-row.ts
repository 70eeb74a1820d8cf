/** One line of the scale table. */
export interface ScaleRow {
  readonly what: string
  readonly unit: string
  /** At the small end: ten IDs, one tunnel, no rotation. */
  readonly small: number | undefined
  /** At the large end. */
  readonly large: number
  /** What `large`, or its ratio to `small`, must not exceed; without one the row is for information. */
  readonly atMost?: { readonly value: number } | { readonly ratio: number }
}

function threeDigits(value: number | undefined): string {
  if (value === undefined) return '–'
  if (value === 0) return '0'
  return value.toFixed(Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))))
}

const ratioOf = ({ small, large }: ScaleRow): number | undefined => (small === undefined ? undefined : large / small)

/** What could not be measured counts as missed. */
export function isMissed(row: ScaleRow): boolean {
  if (row.atMost === undefined) return false
  if ('value' in row.atMost) return !(row.large <= row.atMost.value)
  return !((ratioOf(row) ?? Number.NaN) <= row.atMost.ratio)
}

function targetText(row: ScaleRow): string {
  if (row.atMost === undefined) return ''
  const bound = 'value' in row.atMost ? `≤ ${row.atMost.value}` : `≤ ${row.atMost.ratio.toFixed(2)} ×`
  return `${bound}  ${isMissed(row) ? 'missed' : 'met'}`
}

/** The table, one row each, with the ratio of the large end to the small one. */
export function formatRows(rows: readonly ScaleRow[]): string {
  const heading = ['', 'small', 'large', 'ratio', 'target']
  const cells = rows.map((row) => [
    `${row.what} [${row.unit}]`,
    threeDigits(row.small),
    threeDigits(row.large),
    ratioOf(row)?.toFixed(2) ?? '–',
    targetText(row),
  ])
  const lines = [heading, ...cells]
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  const isText = (column: number) => column === 0 || column === heading.length - 1
  const pad = (text: string, column: number) =>
    isText(column) ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
  return lines.map((line) => line.map(pad).join(' | ').trimEnd()).join('\n')
}
