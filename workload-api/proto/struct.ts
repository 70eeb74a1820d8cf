import type protobuf from 'protobufjs/minimal.js'
import { isJsonObject, type JsonObject } from '../encoding/json.js'
import { eachField, tag } from './fields.js'

/** Deeper than any claim; without it a message of a few kilobytes would exhaust the stack. */
const maxDepth = 64
const bits64 = 1
const varint = 0

/** Reads a `google.protobuf.Struct`; throws `RangeError` when it is nested too deep. */
export function decodeStruct(bytes: Uint8Array, depth = 0): JsonObject {
  assertShallow(depth)
  const members: [string, unknown][] = []
  eachField(bytes, {
    [tag(1)]: (reader) => {
      let name = ''
      let value: unknown = null
      eachField(reader.bytes(), {
        [tag(1)]: (entry) => (name = entry.string()),
        [tag(2)]: (entry) => (value = decodeValue(entry.bytes(), depth + 1)),
      })
      members.push([name, value])
    },
  })
  return Object.fromEntries(members)
}

function decodeValue(bytes: Uint8Array, depth: number): unknown {
  assertShallow(depth)
  let value: unknown = null
  eachField(bytes, {
    [tag(1, varint)]: (reader) => {
      reader.uint32()
      value = null
    },
    [tag(2, bits64)]: (reader) => (value = reader.double()),
    [tag(3)]: (reader) => (value = reader.string()),
    [tag(4, varint)]: (reader) => (value = reader.bool()),
    [tag(5)]: (reader) => (value = decodeStruct(reader.bytes(), depth + 1)),
    [tag(6)]: (reader) => (value = decodeList(reader.bytes(), depth + 1)),
  })
  return value
}

function decodeList(bytes: Uint8Array, depth: number): unknown[] {
  const values: unknown[] = []
  eachField(bytes, { [tag(1)]: (reader) => values.push(decodeValue(reader.bytes(), depth)) })
  return values
}

/** Writes members of an object that came out of JSON; throws `RangeError` when it is nested too deep. */
export function encodeStruct(object: JsonObject, writer: protobuf.Writer, depth = 0): protobuf.Writer {
  assertShallow(depth)
  for (const [name, value] of Object.entries(object)) {
    const entry = writer.uint32(tag(1)).fork().uint32(tag(1)).string(name)
    encodeValue(value, entry.uint32(tag(2)).fork(), depth + 1)
      .ldelim()
      .ldelim()
  }
  return writer
}

function encodeValue(value: unknown, writer: protobuf.Writer, depth: number): protobuf.Writer {
  assertShallow(depth)
  if (typeof value === 'number') return writer.uint32(tag(2, bits64)).double(value)
  if (typeof value === 'string') return writer.uint32(tag(3)).string(value)
  if (typeof value === 'boolean') return writer.uint32(tag(4, varint)).bool(value)
  if (isJsonObject(value)) return encodeStruct(value, writer.uint32(tag(5)).fork(), depth + 1).ldelim()
  if (!Array.isArray(value)) return writer.uint32(tag(1, varint)).uint32(0)
  const list = writer.uint32(tag(6)).fork()
  for (const item of value) encodeValue(item, list.uint32(tag(1)).fork(), depth + 1).ldelim()
  return list.ldelim()
}

function assertShallow(depth: number): void {
  if (depth > maxDepth) throw new RangeError('the struct is nested too deep')
}
