const unitMs: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/**
 * Parses a duration as Go's `time.ParseDuration` does (`1m30s`, `1.5h`, `0`, `-2s`), in milliseconds; less than a
 * millisecond stays as a fraction.
 *
 * @returns undefined when the text is no such duration or beyond what a double counts exactly
 */
export function parseDuration(text: string): number | undefined {
  const negative = text.startsWith('-')
  const digits = negative || text.startsWith('+') ? text.slice(1) : text
  if (digits === '0') return 0
  if (digits === '') return undefined
  let total = 0
  part.lastIndex = 0
  while (part.lastIndex < digits.length) {
    const match = part.exec(digits)
    if (match === null) return undefined
    const [, amount = '', unit = ''] = match
    total += Number(amount) * (unitMs.get(unit) ?? Number.NaN)
  }
  if (!(total <= Number.MAX_SAFE_INTEGER)) return undefined
  return negative ? -total : total
}
