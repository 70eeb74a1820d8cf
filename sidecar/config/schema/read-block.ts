import { quoted, type Position } from '../faults.js'
import type { Item, ObjectValue } from '../hcl/index.js'
import { wrongKind } from './scalars.js'
import type { Field, Fields, KeyTable, Site, ValueType } from './spec.js'
import { suggestion } from './suggest.js'

/** As HCL 1 compares keys: `AGENT_ADDRESS` is `agent_address`. */
export function sameKey(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** Reads the items of a block by its table: unknown keys and repeated ones are faults, every key has its field. */
export function readKeys<T extends KeyTable>(table: T, items: readonly Item[], site: Site): Fields<T> {
  const given = itemsByKey(table, items, site)
  const fields: Record<string, Field<unknown>> = {}
  for (const [key, spec] of Object.entries(table)) {
    const item = given.get(key)
    const value = spec.read(key, item, site)
    fields[key] = { value, at: placeOf(item) ?? site.at, given: item !== undefined }
  }
  // Sound: one field was made for each key of the table, of what that key's spec answers.
  return fields as Fields<T>
}

function placeOf(item: Item | undefined): Position | undefined {
  return item?.value.kind === 'object' ? item.key.at : item?.value.at
}

function itemsByKey(table: KeyTable, items: readonly Item[], site: Site): ReadonlyMap<string, Item> {
  const { faults, warnings } = site.reading
  const names = new Map(Object.keys(table).map((key) => [key.toLowerCase(), key]))
  const given = new Map<string, Item>()
  for (const item of items) {
    const key = names.get(item.key.name.toLowerCase())
    if (key === undefined) {
      faults.add(
        item.key.at,
        () => `unknown key ${quoted(item.key.name)} in ${site.name}${suggestion(item.key.name, supported(table))}`,
      )
      continue
    }
    const earlier = given.get(key)
    if (earlier === undefined || table[key]?.lastWins === true) given.set(key, item)
    if (earlier === undefined) continue
    const again = `${quoted(key)} is given again, first on line ${earlier.key.at.line}`
    if (table[key]?.lastWins === true) warnings.add(item.key.at, `${again}; the last one counts`)
    else faults.add(item.key.at, again)
  }
  return given
}

/** The keys worth suggesting. */
export function supported(table: KeyTable): string[] {
  return Object.keys(table).filter((key) => table[key]?.type !== 'unsupported' && table[key]?.type !== 'ignored')
}

/** A block inside a block. */
export function nested<T extends KeyTable>(table: T): ValueType<Fields<T>> {
  return {
    name: 'block',
    read(value, key, reading) {
      const body = objectOf(value)
      if (body === undefined) return wrongKind(value, key, 'a block', reading)
      return readKeys(table, body.items, { name: quoted(key), at: body.at, broken: body.broken, reading })
    },
  }
}

/** The object a block's value is; JSON may write `[{ … }]` for it. */
export function objectOf(value: Item['value']): ObjectValue | undefined {
  if (value.kind === 'object') return value
  if (value.kind !== 'list' || value.items.length !== 1) return undefined
  const [only] = value.items
  return only?.kind === 'object' ? only : undefined
}
