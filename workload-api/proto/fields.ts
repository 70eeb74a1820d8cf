import protobuf from 'protobufjs/minimal.js'

/** A field's tag: its number and, by default, that its value has a length, as most here have. */
export const tag = (field: number, wireType = 2): number => (field << 3) | wireType

export const absent: Uint8Array = new Uint8Array(0)

type FieldReaders = Readonly<Record<number, (reader: protobuf.Reader) => void>>

/** Calls each field's reader by its tag; a field that has none is skipped, as proto3 asks. */
export function eachField(bytes: Uint8Array, readers: FieldReaders): void {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const read = readers[tag]
    if (read === undefined) reader.skipType(tag & 7)
    else read(reader)
  }
}

export function finish(writer: protobuf.Writer): Buffer {
  const { buffer, byteOffset, byteLength } = writer.finish()
  return Buffer.from(buffer, byteOffset, byteLength)
}
