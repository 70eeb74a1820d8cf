import { align, median, threeDigits, unique } from '../table.js'
import { connectionCpu } from './connections.js'
import { quietColumn, roundTripP99, sleepingColumn } from './established.js'
import { isMet, type Reading, type Verdict } from './reading.js'
import { bareColumn } from './signing.js'

/**
 * Signatures a second of the Parsec service 1.5 with a TPM in software, as its own client had them on a machine like this:
 * 42 to 56 with one caller, 63 to 83 with eight.
 */
const parsecService = { 1: 56, 8: 83 } as const
/** What two stretches of the same quiet load differ by on a small machine. */
const unmoved = 1.25

type MedianOf = (column: string, metric: string) => number | undefined

function medians(readings: readonly Reading[]): MedianOf {
  return (column, metric) => {
    const own = readings.filter((reading) => reading.column === column && reading.metric === metric)
    return own.length === 0 ? undefined : median(own.map(({ value }) => value))
  }
}

function ratio(
  of: MedianOf,
  what: string,
  [numerator, denominator]: readonly (readonly [string, string])[],
  target: { readonly bound: number; readonly less: boolean },
): readonly Verdict[] {
  const [value, base] = [numerator, denominator].map((pair) => (pair ? of(...pair) : undefined))
  return value === undefined || base === undefined ? [] : [{ what, value: value / base, unit: '×', ...target }]
}

/** A verdict for each target of which both sides were measured. */
export function verdictsOf(readings: readonly Reading[]): readonly Verdict[] {
  const of = medians(readings)
  const rate = (callers: 1 | 8) => `P-256 signatures, ${callers === 1 ? '1 caller' : `${callers} callers`}`
  const bare = [bareColumn, rate(1)] as const
  const tpm = ['plain', 'salted'].flatMap((sessions) =>
    ([1, 8] as const).flatMap((callers) => {
      const value = of(`swtpm, ${sessions} sessions`, rate(callers))
      const what = `swtpm, ${sessions} sessions, ${callers} at a time, against the Parsec service`
      return value === undefined
        ? []
        : [{ what, value: value / parsecService[callers], unit: '×', bound: 2, less: false }]
    }),
  )
  return [
    ...ratio(of, 'SoftHSM with 1 caller against the bare loop', [['SoftHSM', rate(1)], bare], {
      bound: 0.25,
      less: false,
    }),
    ...ratio(of, 'SoftHSM with 8 callers against the bare loop', [['SoftHSM', rate(8)], bare], {
      bound: 0.6,
      less: false,
    }),
    ...tpm,
    ...ratio(
      of,
      'CPU of a connection with keys in SoftHSM against software',
      [
        ['SoftHSM', connectionCpu],
        ['Software', connectionCpu],
      ],
      { bound: 1.8, less: true },
    ),
    ...ratio(
      of,
      'p99 of established round trips while a device sleeps 300 ms per signature',
      [
        [sleepingColumn, roundTripP99],
        [quietColumn, roundTripP99],
      ],
      { bound: unmoved, less: true },
    ),
  ]
}

/** Medians, the metrics of one part a section, then the verdicts. */
export function formatProviders(readings: readonly Reading[], verdicts: readonly Verdict[]): string {
  const of = medians(readings)
  const sets = unique(readings.map(({ metric }) => metric)).map((metric) => ({
    metric,
    columns: unique(readings.filter((reading) => reading.metric === metric).map(({ column }) => column)),
  }))
  const headed = unique(sets.map(({ columns }) => columns.filter((column) => column !== bareColumn).join('|')))
  const sections = headed.map((key) => {
    const own = sets.filter(({ columns }) => columns.filter((column) => column !== bareColumn).join('|') === key)
    const columns = unique(own.flatMap((set) => set.columns))
    const rows = own.map(({ metric }) => {
      const unit = readings.find((reading) => reading.metric === metric)?.unit ?? ''
      const cells = columns
        .map((column) => of(column, metric))
        .map((value) => (value === undefined ? '–' : threeDigits(value)))
      return [`${metric} [${unit}]`, ...cells]
    })
    return align([['', ...columns], ...rows])
  })
  const judged = verdicts.map((verdict) => {
    const { what, value, unit, bound, less } = verdict
    return [
      what,
      `${value.toFixed(2)} ${unit}`,
      `${less ? '<=' : '>='} ${bound} ${unit}`,
      isMet(verdict) ? 'met' : 'missed',
    ]
  })
  return [...sections, align([['target', 'value', 'bound', ''], ...judged])].join('\n\n')
}
