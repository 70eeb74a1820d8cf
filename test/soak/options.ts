import { parseArgs } from 'node:util'

export interface SoakOptions {
  readonly minutes: number
  /** Where the plot and the numbers go, without an ending: `.svg` and `.json` are added. */
  readonly output: string
}

export const usage = `usage: npm run soak -- [--minutes N] [--output PATH]
  --minutes N    how long the load runs, from 0.5; 5 when not given
  --output PATH  results go to PATH.svg and PATH.json, dist/soak/soak when not given`

/** Shorter runs have too few readings for a trend. */
const fewestMinutes = 0.5

/** Throws TypeError for what it cannot use. */
export function parseOptions(args: readonly string[]): SoakOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { minutes: text, output: text } })
  const minutes = Number(values.minutes ?? 5)
  if (!(minutes >= fewestMinutes)) throw new TypeError(`--minutes takes a number from ${fewestMinutes}`)
  return { minutes, output: values.output ?? 'dist/soak/soak' }
}
