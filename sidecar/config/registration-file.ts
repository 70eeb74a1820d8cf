import { parseSpiffeId, trustDomainOf } from '../../workload-api/index.js'
import { systemAccounts, type Accounts } from './accounts.js'
import { ConfigError, Faults, quoted } from './faults.js'
import { parseDocument } from './hcl/index.js'
import { loadSource } from './load-source.js'
import { spiffeId, user } from './schema/identifiers.js'
import { listOf } from './schema/list.js'
import { readDocument, type Block } from './schema/read-document.js'
import { text } from './schema/scalars.js'
import { optional, required, type Reading } from './schema/spec.js'

/** The processes of one user, and the identities they may have. */
export interface RegistrationEntry {
  readonly uid: number
  /** At least one, all different. */
  readonly spiffeIds: readonly string[]
  /** Empty: none. */
  readonly hint: string
}

export interface RegistrationOptions {
  readonly path: string
  /** The authority's: an ID of another one is a fault, since it could not sign for it. */
  readonly trustDomain: string
  readonly accounts?: Accounts
}

export const entryKeys = {
  uid: required(user),
  spiffe_ids: required(listOf(spiffeId)),
  hint: optional(text('string', { maxLength: 1024 })),
}

const tables = { entry: { form: 'many', keys: entryKeys } } as const

/**
 * Parses the registration file of the embedded authority, in the same HCL 1: `entry { uid = 1000 spiffe_ids = ["…"] }`.
 *
 * @throws {ConfigError} `ERR_CONFIG_INVALID` with every fault of the file, in its order
 */
export function parseRegistrationFile(source: string, options: RegistrationOptions): readonly RegistrationEntry[] {
  const reading: Reading = {
    faults: new Faults(),
    warnings: new Faults(),
    accounts: options.accounts ?? systemAccounts(),
  }
  const { blocks } = readDocument(parseDocument(source, reading.faults), {}, tables, reading)
  const rules = new EntryRules(options.trustDomain, reading)
  const entries = blocks.entry.flatMap((block) => rules.entryOf(block) ?? [])
  if (reading.faults.count > 0) throw new ConfigError('ERR_CONFIG_INVALID', options.path, reading.faults.sorted())
  return entries
}

/** Reads and parses a registration file. Throws as `parseRegistrationFile` does, and `ERR_CONFIG_UNREADABLE`. */
export async function loadRegistrationFile(
  path: string,
  options: Omit<RegistrationOptions, 'path'>,
): Promise<readonly RegistrationEntry[]> {
  return parseRegistrationFile(await loadSource(path), { ...options, path })
}

class EntryRules {
  readonly #trustDomain: string
  readonly #reading: Reading
  readonly #seen = new Set<string>()

  constructor(trustDomain: string, reading: Reading) {
    this.#trustDomain = trustDomain
    this.#reading = reading
  }

  entryOf({ fields }: Block<typeof entryKeys>): RegistrationEntry | undefined {
    const { uid, spiffe_ids: spiffeIds, hint } = fields
    if (uid.value === undefined || spiffeIds.value === undefined) return undefined
    const { faults } = this.#reading
    for (const id of spiffeIds.value) {
      if (trustDomainOf(parseSpiffeId(id)) !== this.#trustDomain) {
        faults.add(spiffeIds.at, `${quoted(id)} is not of the trust domain ${quoted(this.#trustDomain)}`)
      }
      if (!this.#first(`${uid.value} id ${id}`)) {
        faults.add(spiffeIds.at, `${quoted(id)} is registered for uid ${uid.value} already`)
      }
    }
    if (hint.value !== undefined && spiffeIds.value.length > 1) {
      faults.add(hint.at, '"hint" tells one identity from the others of a user: give each its own entry')
    }
    if (hint.value !== undefined && !this.#first(`${uid.value} hint ${hint.value}`)) {
      faults.add(hint.at, `the hint ${quoted(hint.value)} is taken by another identity of uid ${uid.value}`)
    }
    return { uid: uid.value, spiffeIds: spiffeIds.value, hint: hint.value ?? '' }
  }

  #first(key: string): boolean {
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    return true
  }
}
