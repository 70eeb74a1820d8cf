/**
 * Messages of protobuf as tables, written and read without a loader of `.proto` files: that would cost each start a
 * parser, code made at run time, and megabytes.
 */
import protobuf from 'protobufjs/minimal.js'

/** How one field is written and read. A field that did not come has the value of `absent`. */
export interface Field<Value> {
  readonly number: number
  readonly wireType: number
  absent(): Value
  /** The value after one more occurrence on the wire; `before` is that of the occurrences so far. */
  read(reader: protobuf.Reader, before: Value): Value
  /** Writes nothing for the value a receiver assumes anyway. */
  write(writer: protobuf.Writer, value: Value): void
}

/** A kind of value, to be given a field number. */
type FieldKind<Value> = (number: number) => Field<Value>

// The value is in the field both ways, and a table holds fields of different ones: nothing narrower takes them all.
type FieldTable = Readonly<Record<string, Field<never> | FieldOf>>
type FieldOf = { readonly number: number; absent(): unknown }

export type ValueOf<F> = F extends { absent(): infer Value } ? Value : never
export type ValuesOf<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> }

/** What a message of this kind holds. */
export type MessageValues<Kind> = Kind extends Message<infer Values> ? Values : never

export interface Message<Values> {
  /** Fields that are left out are absent. */
  encode(values: Partial<Values>): Buffer
  /** Throws for bytes that are no protobuf. Unknown fields are skipped, as proto3 asks. */
  decode(bytes: Uint8Array): Values
}

const varint = 0
const lengthDelimited = 2

function scalar<Value>(
  wireType: number,
  empty: Value,
  read: (reader: protobuf.Reader) => Value,
  write: (writer: protobuf.Writer, value: Value) => void,
): FieldKind<Value> {
  return (number) => ({
    number,
    wireType,
    absent: () => empty,
    read,
    write: (writer, value) => {
      if (value !== empty) write(writer.uint32(tagOf(number, wireType)), value)
    },
  })
}

export const text = scalar<string>(
  lengthDelimited,
  '',
  (reader) => reader.string(),
  (writer, value) => writer.string(value),
)
export const flag = scalar<boolean>(
  varint,
  false,
  (reader) => reader.bool(),
  (writer, value) => writer.bool(value),
)
export const int32 = scalar<number>(
  varint,
  0,
  (reader) => reader.int32(),
  (writer, value) => writer.int32(value),
)
/** As a number: what is counted here, seconds and revisions, stays below 2^53. */
export const int64 = scalar<number>(
  varint,
  0,
  (reader) => {
    const value = reader.int64()
    return typeof value === 'number' ? value : value.high * 0x1_0000_0000 + (value.low >>> 0)
  },
  (writer, value) => writer.int64(value),
)
const noBytes: Uint8Array = new Uint8Array(0)
/** What is read is a view of the message. */
export const bytes = scalar<Uint8Array>(
  lengthDelimited,
  noBytes,
  (reader) => reader.bytes(),
  (writer, value) => writer.bytes(value),
)

/** A message in a message; undefined when it is absent. */
export function nested<Values>(message: Message<Values>): FieldKind<Values | undefined> {
  return (number) => ({
    number,
    wireType: lengthDelimited,
    absent: () => undefined,
    read: (reader) => message.decode(reader.bytes()),
    write: (writer, value) => {
      if (value !== undefined) writer.uint32(tagOf(number, lengthDelimited)).bytes(message.encode(value))
    },
  })
}

/** Any number of texts or byte strings. */
export function repeated<Value extends string | Uint8Array>(
  kind: Value extends string ? FieldKind<string> : FieldKind<Uint8Array>,
): FieldKind<readonly Value[]> {
  return (number) => {
    const one = kind(number) as unknown as Field<Value>
    return {
      number,
      wireType: lengthDelimited,
      absent: () => [],
      read: (reader, before) => append(before, one.read(reader, one.absent())),
      write: (writer, values) => {
        for (const value of values) {
          const tagged = writer.uint32(tagOf(number, lengthDelimited))
          if (typeof value === 'string') tagged.string(value)
          else tagged.bytes(value)
        }
      },
    }
  }
}

/** Any number of messages. */
export function repeatedMessage<Values>(message: Message<Values>): FieldKind<readonly Values[]> {
  return (number) => ({
    number,
    wireType: lengthDelimited,
    absent: () => [],
    read: (reader, before) => append(before, message.decode(reader.bytes())),
    write: (writer, values) => {
      for (const value of values) writer.uint32(tagOf(number, lengthDelimited)).bytes(message.encode(value))
    },
  })
}

/** A message by its fields. */
export function message<const Table extends FieldTable>(table: Table): Message<ValuesOf<Table>> {
  // Sound: a field's functions are called with values that its own functions made, or that `ValuesOf` demands.
  const fields = Object.entries(table) as unknown as readonly (readonly [name: string, field: Field<unknown>])[]
  const byTag = new Map(fields.map((entry) => [tagOf(entry[1].number, entry[1].wireType), entry]))
  return {
    encode: (values) => {
      const writer = protobuf.Writer.create()
      for (const [name, field] of fields) {
        const value = (values as Readonly<Record<string, unknown>>)[name]
        if (value !== undefined) field.write(writer, value)
      }
      const { buffer, byteOffset, byteLength } = writer.finish()
      return Buffer.from(buffer, byteOffset, byteLength)
    },
    decode: (encoded) => {
      const values: Record<string, unknown> = Object.fromEntries(fields.map(([name, field]) => [name, field.absent()]))
      const reader = protobuf.Reader.create(encoded)
      while (reader.pos < reader.len) {
        const tag = reader.uint32()
        const entry = byTag.get(tag)
        if (entry === undefined) reader.skipType(tag & 7)
        else values[entry[0]] = entry[1].read(reader, values[entry[0]])
      }
      return values as ValuesOf<Table>
    },
  }
}

function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0
}

/** In place where the list is one that reading made: copying at each occurrence would cost the square of their number. */
function append<Value>(list: readonly Value[], value: Value): readonly Value[] {
  const own = list as Value[]
  own.push(value)
  return own
}
