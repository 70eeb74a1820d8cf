import { invalidArgument } from '../errors.js'

/** One element: its tag, what it holds, and all its bytes, header included. */
export interface DerElement {
  readonly tag: number
  readonly contents: Uint8Array
  readonly raw: Uint8Array
}

/**
 * Reads DER one element after the other. Only tags of one byte and definite lengths in their shortest form: what BER
 * would also allow lets two readers see two different structures in the same bytes.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length
  }

  /** The next element's tag; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset]
  }

  /** The next element, which must have this tag. Throws `ParsecError` (`PsaErrorInvalidArgument`). */
  read(tag: number): DerElement {
    if (this.nextTag !== tag) throw malformed(`tag ${hex(tag)} expected, found ${hex(this.nextTag)}`)
    return this.readAny()
  }

  readAny(): DerElement {
    const start = this.#offset
    const tag = this.#byte()
    if ((tag & 0x1f) === 0x1f) throw malformed('a tag of more than one byte')
    const length = this.#length()
    const end = this.#offset + length
    if (end > this.#bytes.length) throw malformed('an element longer than what is left')
    const contents = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return { tag, contents, raw: this.#bytes.subarray(start, end) }
  }

  /** Nothing may follow: trailing bytes would travel unseen inside what was checked. */
  end(): void {
    if (!this.atEnd) throw malformed('bytes after the end')
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset]
    if (byte === undefined) throw malformed('the end in the middle of an element')
    this.#offset += 1
    return byte
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > 3) throw malformed('a length without end or of more than three bytes')
    let length = 0
    for (let read = 0; read < count; read += 1) length = length * 256 + this.#byte()
    if (length < 0x80 || length < 256 ** (count - 1)) throw malformed('a length not in its shortest form')
    return length
  }
}

function hex(tag: number | undefined): string {
  return tag === undefined ? 'the end' : `0x${tag.toString(16).padStart(2, '0')}`
}

function malformed(what: string) {
  return invalidArgument(`malformed DER: ${what}`)
}
