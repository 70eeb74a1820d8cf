import type { Accounts } from '../accounts.js'
import { quoted, type Faults, type Position } from '../faults.js'
import type { Item, Value } from '../hcl/index.js'

/** What reading one file shares. */
export interface Reading {
  readonly faults: Faults
  readonly warnings: Faults
  readonly accounts: Accounts
}

/** The block a key stands in, as messages name it: `tunnel "a"`. */
export interface Site {
  readonly name: string
  readonly at: Position
  /** A syntax fault took part of the block: a missing key is then no fault of its own. */
  readonly broken: boolean
  readonly reading: Reading
}

/** What a key's value is turned into. */
export interface ValueType<T> {
  /** As the tables of the README name it. */
  readonly name: string
  /** @returns undefined after reporting what is wrong */
  read(value: Value, key: string, reading: Reading): T | undefined
}

/** One key of a block: a line of a table. */
export interface Spec<V> {
  /** The two middle columns of its row in the README. */
  readonly type: string
  readonly default: string
  /** A scalar of spiffe-helper: given several times, the last one counts, as there. In our own blocks that is a fault. */
  readonly lastWins?: boolean
  read(key: string, item: Item | undefined, site: Site): V
}

/** The value of a key and where it stands; where the block stands when it is not given. */
export interface Field<V> {
  readonly value: V
  readonly at: Position
  readonly given: boolean
}

export type KeyTable = Readonly<Record<string, Spec<unknown>>>
export type Fields<T extends KeyTable> = {
  readonly [K in keyof T]: Field<T[K] extends Spec<infer V> ? V : never>
}

function readItem<T>(type: ValueType<T>, key: string, item: Item, { reading }: Site): T | undefined {
  const [label] = item.labels
  if (label !== undefined) {
    reading.faults.add(label.at, `${quoted(key)} takes no label`)
    return undefined
  }
  return item.value.kind === 'bad' ? undefined : type.read(item.value, key, reading)
}

/** A key without which the block is a fault. */
export function required<T>(type: ValueType<T>): Spec<T | undefined> {
  return {
    type: type.name,
    default: 'required',
    read(key, item, site) {
      if (item !== undefined) return readItem(type, key, item, site)
      if (!site.broken) site.reading.faults.add(site.at, `${site.name} has no ${quoted(key)}`)
      return undefined
    },
  }
}

/** A key that may be left out; `meaning` says for the README what then holds. */
export function optional<T>(type: ValueType<T>, meaning = 'none'): Spec<T | undefined> {
  return {
    type: type.name,
    default: meaning,
    read: (key, item, site) => (item === undefined ? undefined : readItem(type, key, item, site)),
  }
}

/** A key with a default. After a fault its value is the default: the file as a whole is refused. */
export function defaulted<T>(type: ValueType<T>, value: T, shown: string): Spec<T> {
  return {
    type: type.name,
    default: `\`${shown}\``,
    read: (key, item, site) => (item === undefined ? value : (readItem(type, key, item, site) ?? value)),
  }
}

/** The same key with the duplicate rule of spiffe-helper. */
export function lastWins<V>(spec: Spec<V>): Spec<V> {
  return { ...spec, lastWins: true }
}

/** A key that is known and refused, with `reason` between its name and the refusal. */
export function unsupported(reason = 'is'): Spec<undefined> {
  return {
    type: 'unsupported',
    default: '–',
    read(key, item, { reading }) {
      if (item !== undefined) reading.faults.add(item.key.at, `${quoted(key)} ${reason} not supported by this version`)
    },
  }
}

/** A key that once meant something and is read without effect. */
export function ignored(why: string): Spec<undefined> {
  return {
    type: 'ignored',
    default: '–',
    lastWins: true,
    read(key, item, { reading }) {
      if (item !== undefined) reading.warnings.add(item.key.at, `${quoted(key)} is ignored: ${why}`)
    },
  }
}
