import { randomUUID } from 'node:crypto'

export interface FakeAgent {
  readonly id: string
  readonly canReattest: boolean
  serial: string
  /** Of a renewal; the serial before lives until this one is used for the first time. */
  newSerial: string | undefined
  banned: boolean
}

export interface FakeEntry {
  readonly id: string
  spiffeId: string
  parentId: string
  federatesWith: readonly string[]
  hint: string
  revision: number
}

/** `spire.api.types.PermissionDeniedDetails.Reason` */
export const denials = { notAttested: 2, notActive: 3, banned: 4, mustReattest: 5 } as const
export type Denial = keyof typeof denials

/** What a server keeps: tokens, agents and entries, with SPIRE's quirks. */
export class FakeRegistry {
  readonly trustDomain: string
  readonly tokens = new Map<string, 'fresh' | 'expired'>()
  readonly agents = new Map<string, FakeAgent>()
  readonly entries: FakeEntry[] = []

  constructor(trustDomain: string) {
    this.trustDomain = trustDomain
  }

  /** `token generate -spiffeID`: the token, and, as SPIRE does unasked, an entry of that ID for its agent. */
  createToken(spiffeId?: string): string {
    const token = randomUUID()
    this.tokens.set(token, 'fresh')
    if (spiffeId !== undefined) this.createEntry(spiffeId, this.tokenAgentId(token))
    return token
  }

  tokenAgentId(token: string): string {
    return `spiffe://${this.trustDomain}/spire/agent/join_token/${token}`
  }

  createEntry(spiffeId: string, parentId: string, changes: Partial<FakeEntry> = {}): FakeEntry {
    const entry = { id: randomUUID(), spiffeId, parentId, federatesWith: [], hint: '', revision: 0, ...changes }
    this.entries.push(entry)
    return entry
  }

  deleteEntry({ id }: FakeEntry): void {
    this.entries.splice(
      this.entries.findIndex((entry) => entry.id === id),
      1,
    )
  }

  /** Those of the agent, and what stands below their IDs. */
  entriesOf(agentId: string): readonly FakeEntry[] {
    const found = new Set<FakeEntry>()
    const parents = [agentId]
    for (const parent of parents) {
      for (const entry of this.entries) {
        if (entry.parentId !== parent || found.has(entry)) continue
        found.add(entry)
        parents.push(entry.spiffeId)
      }
    }
    return [...found]
  }

  /** Burnt by being asked for, whatever comes of it. Undefined for one that is not there (any more). */
  takeToken(token: string): 'fresh' | 'expired' | undefined {
    const state = this.tokens.get(token)
    this.tokens.delete(token)
    return state
  }

  attested(id: string, serial: string, canReattest: boolean): void {
    this.agents.set(id, { id, serial, canReattest, newSerial: undefined, banned: false })
  }

  /** Judges a caller by its SVID; the first use of a renewed one ends the one before. */
  denialOf(id: string, serial: string): Denial | undefined {
    const agent = this.agents.get(id)
    if (agent === undefined) return 'notAttested'
    if (agent.banned) return 'banned'
    if (serial === agent.newSerial) {
      agent.serial = serial
      agent.newSerial = undefined
      return undefined
    }
    return serial === agent.serial ? undefined : 'notActive'
  }
}
