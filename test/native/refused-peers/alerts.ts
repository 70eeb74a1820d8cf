import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { OutcomeCode } from '../../../native/index.js'
import { repositoryRoot } from '../../repository-root.js'

/** One row of test/vectors/alerts.json. */
export interface AlertCase {
  /** What is wrong with the peer, in the words of the requirement. */
  readonly clause: string
  /** Names the peer when a clause has several. */
  readonly peer?: string
  /** The number the peer must see; null where no alert can be sent, or where the peer is the one who alerts. */
  readonly alert: number | null
  readonly name: string | null
  readonly outcome: OutcomeCode
  /** A regular expression for the reason in the audit line. */
  readonly reason: string
}

interface AlertTable {
  readonly both: readonly AlertCase[]
  readonly server: readonly AlertCase[]
  readonly client: readonly AlertCase[]
}

const table: AlertTable = JSON.parse(readFileSync(join(repositoryRoot, 'test/vectors/alerts.json'), 'utf8'))

/** The cases of a mode, by clause and in the order of the table. */
export function casesOf(mode: 'server' | 'client'): ReadonlyMap<string, readonly AlertCase[]> {
  const byClause = new Map<string, AlertCase[]>()
  for (const entry of [...table[mode], ...table.both]) {
    byClause.set(entry.clause, [...(byClause.get(entry.clause) ?? []), entry])
  }
  return byClause
}
