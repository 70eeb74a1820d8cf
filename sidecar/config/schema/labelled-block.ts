import { quoted } from '../faults.js'
import type { Item, Key, ObjectValue } from '../hcl/index.js'
import { objectOf, readKeys } from './read-block.js'
import { wrongKind } from './scalars.js'
import type { Fields, KeyTable, Reading, Spec } from './spec.js'

/** A block inside a block whose label says which of several kinds it is. */
export interface LabelledBlock<T extends KeyTable> {
  readonly label: Key
  readonly fields: Fields<T>
}

/** `key "LABEL" { … }`, once; in JSON `"key": { "LABEL": { … } }`. */
export function labelledBlock<T extends KeyTable>(table: T, meaning: string): Spec<LabelledBlock<T> | undefined> {
  return {
    type: 'labelled block',
    default: meaning,
    read(key, item, { reading }) {
      const found = item && labelAndBody(key, item, reading)
      if (found === undefined) return undefined
      const { label, body } = found
      const name = `${key} ${quoted(label.name)}`
      return { label, fields: readKeys(table, body.items, { name, at: label.at, broken: body.broken, reading }) }
    },
  }
}

function labelAndBody(
  key: string,
  { labels, value }: Item,
  reading: Reading,
): { readonly label: Key; readonly body: ObjectValue } | undefined {
  const body = objectOf(value)
  if (body === undefined) return wrongKind(value, key, 'a block', reading)
  const [label, surplus] = labels
  if (surplus !== undefined) {
    reading.faults.add(surplus.at, `${quoted(key)} takes one label`)
    return undefined
  }
  if (label !== undefined) return { label, body }
  const [only, another] = body.items
  const inner = only === undefined || another !== undefined ? undefined : objectOf(only.value)
  if (only !== undefined && inner !== undefined) return { label: only.key, body: inner }
  reading.faults.add(body.at, `${quoted(key)} needs a label: ${key} "KIND" { … }`)
  return undefined
}
