import { providerFactories, type ConfigTable, type ProviderFactory } from '../../../parsec-core/index.js'
import { quoted, type Position } from '../faults.js'
import type { Item } from '../hcl/index.js'
import type { KeyProviderConfig } from '../model.js'
import type { Block } from '../schema/read-document.js'
import { duration, flag, integer, text } from '../schema/scalars.js'
import type { Reading, ValueType } from '../schema/spec.js'
import { suggestion } from '../schema/suggest.js'
import type { keyProviderKeys } from '../tables/index.js'

/** Kinds of providers that come later. */
const laterTypes: ReadonlySet<string> = new Set(['Parsec'])

/** What the provider's factory made of its block; undefined after a fault. */
export function keyProviderOf(block: Block<typeof keyProviderKeys>, reading: Reading): KeyProviderConfig | undefined {
  const { value: type, at } = block.fields.type
  if (type === undefined) return undefined
  const factory = factoryOf(type, at, reading)
  if (factory === undefined) return undefined
  const table = new BlockTable(block, reading)
  const before = reading.faults.count
  const { settings } = factory.configure(table)
  table.reportUnread()
  return reading.faults.count === before ? { name: block.label, type, settings } : undefined
}

function factoryOf(type: string, at: Position, { faults }: Reading): ProviderFactory | undefined {
  const factory = providerFactories.find((candidate) => candidate.type === type)
  if (factory !== undefined) return factory
  const types = providerFactories.map((candidate) => candidate.type)
  if (laterTypes.has(type)) faults.add(at, `key provider type ${quoted(type)} is not supported by this version`)
  else
    faults.add(
      at,
      `"type" needs ${types.map((name) => quoted(name)).join(' or ')}, not ${quoted(type)}${suggestion(type, types)}`,
    )
  return undefined
}

const string = text()
const anyInteger = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
const anyDuration = duration('0s', '576h')

/** A `key_provider` block as its factory reads it; every key it asks for is a key there is. */
class BlockTable implements ConfigTable {
  readonly #items = new Map<string, Item>()
  readonly #asked = new Set<string>()
  readonly #at: Position
  readonly #name: string
  readonly #reading: Reading

  constructor({ body, at, site }: Block<typeof keyProviderKeys>, reading: Reading) {
    this.#at = at
    this.#name = site.name
    this.#reading = reading
    for (const item of body.items) {
      const key = item.key.name.toLowerCase()
      if (key === 'type') continue
      const earlier = this.#items.get(key)
      if (earlier === undefined) this.#items.set(key, item)
      else reading.faults.add(item.key.at, `${quoted(key)} is given again, first on line ${earlier.key.at.line}`)
    }
  }

  string(key: string): string | undefined {
    return this.#read(key, string)
  }

  integer(key: string): number | undefined {
    return this.#read(key, anyInteger)
  }

  boolean(key: string): boolean | undefined {
    return this.#read(key, flag)
  }

  durationMs(key: string): number | undefined {
    return this.#read(key, anyDuration)
  }

  fault(key: string, message: string): void {
    this.#asked.add(key)
    this.#reading.faults.add(this.#items.get(key)?.value.at ?? this.#at, message)
  }

  /** Every key nobody asked for is unknown. */
  reportUnread(): void {
    for (const [key, { key: written }] of this.#items) {
      if (this.#asked.has(key)) continue
      const near = suggestion(written.name, ['type', ...this.#asked])
      this.#reading.faults.add(written.at, `unknown key ${quoted(written.name)} in ${this.#name}${near}`)
    }
  }

  #read<T>(key: string, type: ValueType<T>): T | undefined {
    this.#asked.add(key)
    const item = this.#items.get(key)
    if (item === undefined || item.value.kind === 'bad') return undefined
    const [label] = item.labels
    if (label === undefined) return type.read(item.value, key, this.#reading)
    this.#reading.faults.add(label.at, `${quoted(key)} takes no label`)
    return undefined
  }
}
