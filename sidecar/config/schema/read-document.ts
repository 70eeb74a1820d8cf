import { quoted, type Position } from '../faults.js'
import type { Document, Item, Key, ObjectValue, Value } from '../hcl/index.js'
import { checkLabel } from './identifiers.js'
import { objectOf, readKeys, supported } from './read-block.js'
import { wrongKind } from './scalars.js'
import type { Fields, KeyTable, Reading, Site } from './spec.js'
import { suggestion } from './suggest.js'

/** A kind of block at the top of a file. */
export interface BlockTable {
  /** `labelled`: any number, each `tunnel "NAME" { … }`; `single`: one at most; `many`: any number without a name. */
  readonly form: 'labelled' | 'single' | 'many'
  readonly keys: KeyTable
  /** Keys beyond the table are for someone else to read. */
  readonly open?: true
}

export type BlockTables = Readonly<Record<string, BlockTable>>

export interface Block<T extends KeyTable> {
  /** Empty for a block without. */
  readonly label: string
  /** Where the block begins: its key. */
  readonly at: Position
  readonly site: Site
  readonly fields: Fields<T>
  readonly body: ObjectValue
}

export type Blocks<T extends BlockTables> = { readonly [N in keyof T]: readonly Block<T[N]['keys']>[] }

interface Instance {
  readonly key: Key
  readonly label: Key | undefined
  readonly body: ObjectValue
}

/** Reads a whole file by its tables: the keys outside blocks, and every block of each kind in the order of the file. */
export function readDocument<K extends KeyTable, B extends BlockTables>(
  document: Document,
  topLevel: K,
  tables: B,
  reading: Reading,
): { readonly top: Fields<K>; readonly blocks: Blocks<B> } {
  const { body } = document
  const names = new Map(Object.keys(tables).map((name) => [name.toLowerCase(), name]))
  const keys: Item[] = []
  const instances = new Map<string, Instance[]>(Object.keys(tables).map((name) => [name, []]))
  const known = new Set(Object.keys(topLevel).map((key) => key.toLowerCase()))
  for (const item of body.items) {
    const name = names.get(item.key.name.toLowerCase())
    if (name !== undefined) instances.get(name)?.push(...instancesOf(name, tables[name]?.form, item, document, reading))
    else if (known.has(item.key.name.toLowerCase())) keys.push(item)
    else {
      const candidates = () => [...supported(topLevel), ...names.values()]
      reading.faults.add(
        item.key.at,
        () => `unknown key ${quoted(item.key.name)}${suggestion(item.key.name, candidates())}`,
      )
    }
  }
  const site = { name: 'the file', at: body.at, broken: body.broken, reading }
  const blocks: Record<string, unknown> = Object.fromEntries(
    Object.entries(tables).map(([name, table]) => [name, readBlocks(name, table, instances.get(name) ?? [], reading)]),
  )
  // Sound: one list was made for each kind of block, its fields read by that kind's table.
  return { top: readKeys(topLevel, keys, site), blocks: blocks as Blocks<B> }
}

/** The blocks an item stands for: one in HCL; in JSON one for each label, and for each element of a list. */
function instancesOf(
  name: string,
  form: BlockTable['form'] | undefined,
  item: Item,
  { json }: Document,
  reading: Reading,
): Instance[] {
  const { key, labels, value } = item
  if (value.kind === 'bad') return []
  if (form === 'labelled' && json) return labelledInstances(name, key, value, reading)
  const [label, surplus] = labels
  if (form === 'labelled' && label === undefined) {
    reading.faults.add(key.at, `${quoted(name)} needs a label: ${name} "NAME" { … }`)
    return []
  }
  const unwanted = form === 'labelled' ? surplus : label
  if (unwanted !== undefined) {
    reading.faults.add(
      unwanted.at,
      form === 'labelled' ? `${quoted(name)} takes one label` : `${quoted(name)} takes no label`,
    )
    return []
  }
  const bodies = form === 'many' && value.kind === 'list' ? value.items : [value]
  return bodies.flatMap((value) => {
    const body = objectOf(value)
    if (body === undefined) wrongKind(value, name, 'a block', reading)
    return body === undefined ? [] : [{ key, label, body }]
  })
}

function labelledInstances(name: string, key: Key, value: Value, reading: Reading): Instance[] {
  if (value.kind === 'list') return value.items.flatMap((item) => labelledInstances(name, key, item, reading))
  if (value.kind !== 'object') {
    wrongKind(value, name, 'an object with a label for each key', reading)
    return []
  }
  return value.items.flatMap((item) => {
    const body = objectOf(item.value)
    if (body !== undefined) return [{ key: item.key, label: item.key, body }]
    wrongKind(item.value, name, 'an object with a label for each key', reading)
    return []
  })
}

function readBlocks(
  name: string,
  table: BlockTable,
  instances: readonly Instance[],
  reading: Reading,
): Block<KeyTable>[] {
  const seen = new Map<string, Key>()
  return instances.map(({ key, label, body }) => {
    const named = label === undefined ? name : `${name} ${quoted(label.name)}`
    const unwanted = label === undefined ? undefined : checkLabel(label.name)
    if (label !== undefined && unwanted !== undefined) {
      reading.faults.add(label.at, `the label ${quoted(label.name)} ${unwanted}`)
    }
    const earlier = seen.get(label?.name ?? '')
    if (earlier !== undefined && table.form !== 'many') {
      reading.faults.add(key.at, `${named} is there twice, first on line ${earlier.at.line}`)
    }
    seen.set(label?.name ?? '', key)
    const site = { name: named, at: key.at, broken: body.broken, reading }
    return { label: label?.name ?? '', at: key.at, site, fields: readKeys(table.keys, own(table, body), site), body }
  })
}

/** The items of a block that its table reads. */
function own(table: BlockTable, body: ObjectValue): readonly Item[] {
  if (table.open !== true) return body.items
  const keys = new Set(Object.keys(table.keys))
  return body.items.filter((item) => keys.has(item.key.name.toLowerCase()))
}
