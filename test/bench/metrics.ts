/** What the readings are called: the table shows these words, and the targets find their readings by them. */

export type Direction = 'to' | 'from'
export type ConnectionReading = 'CPU' | 'p50' | 'p99'

const by = (callers: number): string => (callers === 1 ? '1 caller' : `${callers} callers`)

export const metrics = {
  /** `unseen`: every connection comes from an ID that the tunnel has no verdict for. */
  connection(callers: number, what: ConnectionReading, unseen = false): string {
    return `connection${unseen ? ' of an unseen ID' : ''}, ${by(callers)}: ${what}`
  },
  gibibyte: (direction: Direction, what: 'CPU' | 'time'): string => `GiB ${direction} the backend: ${what}`,
  roundTrip: (callers: number, what: ConnectionReading): string => `round trip of 64 B, ${by(callers)}: ${what}`,
  residentPerConnection: 'resident per idle connection',
  residentAtStart: 'resident at start',
  startToListening: 'start to listening',
} as const
