import { isSpiffeId, parseSpiffeId, type SpiffeId } from '../../../workload-api/index.js'
import { escapeText } from '../../log/escape-text.js'
import {
  getAuthorizedEntries,
  syncAuthorizedEntries,
  type SyncEntriesRequest,
  type SyncEntriesResponse,
} from './api/methods.js'
import type { EntryMessage, EntryRevisionMessage } from './api/types.js'
import { call, exchange, type CallOptions, type Exchange } from './channel/calls.js'
import type { ServerConnection } from './channel/server-connection.js'
import { SpireError } from './spire-error.js'

/** What a registration entry says, as far as it matters to whoever has it. */
export interface Entry {
  readonly id: string
  readonly spiffeId: SpiffeId
  readonly hint: string
  readonly revision: number
  /** Names of trust domains. */
  readonly federatesWith: readonly string[]
}

/** How an identity names its entry. Never by position: a join token that was made with an ID has an entry of its own. */
export interface EntryChoice {
  readonly spiffeId: string
  readonly entryId: string | undefined
}

const outputMask = {
  spiffeId: true,
  parentId: true,
  federatesWith: true,
  revisionNumber: true,
  hint: true,
  createdAt: true,
}

/** Far above what one agent is given; a bound for a server that is not well. */
const maxEntries = 100_000
/** A server sends whole pages of this size, and takes as many IDs at once. */
const idsAtOnce = 500
const maxListed = 10

type Talk = Exchange<SyncEntriesRequest, SyncEntriesResponse>

/**
 * The entries the agent is entitled to. What did not change since the last look is not asked for again: of a large list
 * only IDs and revisions come.
 */
export class EntryList {
  #known = new Map<string, EntryMessage>()

  /** Throws `SpireError`. */
  async read(connection: ServerConnection, options: CallOptions): Promise<readonly Entry[]> {
    let entries: readonly EntryMessage[]
    try {
      entries = await exchange(connection, syncAuthorizedEntries, options, (talk) => this.#sync(talk))
    } catch (error) {
      if (!(error instanceof SpireError) || error.code !== 'ERR_SPIRE_SERVER_TOO_OLD') throw error
      // Servers before 1.8 have the plain list only.
      entries = (await call(connection, getAuthorizedEntries, { outputMask }, options)).entries
    }
    this.#known = new Map(entries.map((entry) => [entry.id, entry]))
    return entries.flatMap(readEntry)
  }

  async #sync(talk: Talk): Promise<readonly EntryMessage[]> {
    const first = await talk.ask({ outputMask })
    if (first.entryRevisions.length === 0) return first.entries
    const revisions = [...first.entryRevisions]
    for (let { more } = first; more;) {
      const page = await talk.ask(undefined)
      revisions.push(...page.entryRevisions)
      more = page.more
      if (revisions.length > maxEntries) throw tooMany()
    }
    const kept = revisions.flatMap((revision) => this.#unchanged(revision) ?? [])
    const keptIds = new Set(kept.map(({ id }) => id))
    return [
      ...kept,
      ...(await fetchEntries(
        talk,
        revisions.map(({ id }) => id).filter((id) => !keptIds.has(id)),
      )),
    ]
  }

  #unchanged({ id, revisionNumber, createdAt }: EntryRevisionMessage): EntryMessage | undefined {
    const known = this.#known.get(id)
    return known?.revisionNumber === revisionNumber && known.createdAt === createdAt ? known : undefined
  }
}

async function fetchEntries(talk: Talk, ids: readonly string[]): Promise<readonly EntryMessage[]> {
  const entries: EntryMessage[] = []
  for (let begin = 0; begin < ids.length; begin += idsAtOnce) {
    let page = await talk.ask({ ids: ids.slice(begin, begin + idsAtOnce) })
    entries.push(...page.entries)
    while (page.more) {
      page = await talk.ask(undefined)
      entries.push(...page.entries)
      if (entries.length > maxEntries) throw tooMany()
    }
  }
  return entries
}

function tooMany(): SpireError {
  return new SpireError('ERR_SPIRE_RESPONSE_INVALID', `the server lists more than ${maxEntries} entries`)
}

/** An entry whose ID is none is nobody's to choose. */
function readEntry({ id, spiffeId, hint, revisionNumber, federatesWith }: EntryMessage): readonly Entry[] {
  const text = spiffeId === undefined ? '' : `spiffe://${spiffeId.trustDomain}${spiffeId.path}`
  if (id === '' || !isSpiffeId(text)) return []
  return [{ id, spiffeId: parseSpiffeId(text), hint, revision: revisionNumber, federatesWith }]
}

/**
 * The one entry the choice fits. Throws `SpireError`: `ERR_SPIRE_ENTRY_NOT_FOUND`, `ERR_SPIRE_ENTRY_AMBIGUOUS` with the
 * candidates, `ERR_SPIRE_ENTRY_OTHER_ID` for an entry named by ID that is another workload's.
 */
export function chooseEntry(entries: readonly Entry[], { spiffeId, entryId }: EntryChoice): Entry {
  if (entryId !== undefined) return entryOfId(entries, entryId, spiffeId)
  const fitting = entries.filter((entry) => entry.spiffeId === spiffeId)
  const [entry] = fitting
  if (entry === undefined) {
    const others = entries.length === 0 ? 'it has none' : `it has ${listed(entries.map((other) => other.spiffeId))}`
    throw new SpireError('ERR_SPIRE_ENTRY_NOT_FOUND', `the agent has no entry for "${spiffeId}"; ${others}`)
  }
  if (fitting.length === 1) return entry
  const candidates = listed(fitting.map(({ id }) => id))
  throw new SpireError(
    'ERR_SPIRE_ENTRY_AMBIGUOUS',
    `the agent has ${fitting.length} entries for "${spiffeId}"; set entry_id to one of ${candidates}`,
  )
}

function entryOfId(entries: readonly Entry[], entryId: string, spiffeId: string): Entry {
  const entry = entries.find(({ id }) => id === entryId)
  if (entry === undefined) {
    const ids = entries.length === 0 ? 'it has none' : `it has ${listed(entries.map(({ id }) => id))}`
    throw new SpireError('ERR_SPIRE_ENTRY_NOT_FOUND', `the agent has no entry "${escapeText(entryId)}"; ${ids}`)
  }
  if (entry.spiffeId === spiffeId) return entry
  const message = `entry "${escapeText(entryId)}" is of "${escapeText(entry.spiffeId)}", not of "${spiffeId}"`
  throw new SpireError('ERR_SPIRE_ENTRY_OTHER_ID', message)
}

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, maxListed).map((text) => `"${escapeText(text.slice(0, 300))}"`)
  const left = texts.length - shown.length
  return [...shown, ...(left > 0 ? [`${left} more`] : [])].join(', ')
}
