import type { Position } from '../faults.js'

/** A key as written, without its quotes. */
export interface Key {
  readonly name: string
  readonly at: Position
}

/** `key = value`, `key { … }`, `key "label" { … }`: one key and any number of labels. */
export interface Item {
  readonly key: Key
  readonly labels: readonly Key[]
  readonly value: Value
}

export interface StringValue {
  readonly kind: 'string'
  readonly text: string
  readonly at: Position
}

/** A number keeps its text: whether `0644` is 420 or a label is for the key to say. */
export interface NumberValue {
  readonly kind: 'number'
  readonly text: string
  readonly at: Position
}

export interface BoolValue {
  readonly kind: 'bool'
  readonly value: boolean
  readonly at: Position
}

/** JSON only. */
export interface NullValue {
  readonly kind: 'null'
  readonly at: Position
}

export interface ListValue {
  readonly kind: 'list'
  readonly items: readonly Value[]
  readonly at: Position
}

export interface ObjectValue {
  readonly kind: 'object'
  readonly items: readonly Item[]
  readonly at: Position
  /** Part of it was lost to a syntax fault, so that a key which is not here may well be in the file. */
  readonly broken: boolean
}

/** Stands where a value with a syntax fault stood; the fault is reported already. */
export interface BadValue {
  readonly kind: 'bad'
  readonly at: Position
}

export type Value = StringValue | NumberValue | BoolValue | NullValue | ListValue | ObjectValue | BadValue

export interface Document {
  readonly body: ObjectValue
  /** The file was JSON, where a label is a key of the object: `"tunnel": { "a": { … } }`. */
  readonly json: boolean
}
