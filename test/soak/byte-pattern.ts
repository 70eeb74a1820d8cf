import { randomBytes } from 'node:crypto'

/** A prime: no buffer or record size divides it, so bytes that moved by one of those do not look right. */
const period = 65_521

/** An endless stream of bytes of its own: what another connection sends does not fit it anywhere. */
export class BytePattern {
  readonly #bytes = randomBytes(period)

  /** The bytes from `offset` on. */
  slice(offset: number, length: number): Buffer {
    const result = Buffer.allocUnsafe(length)
    for (let filled = 0; filled < length;) {
      const start = (offset + filled) % period
      filled += this.#bytes.copy(result, filled, start, Math.min(period, start + length - filled))
    }
    return result
  }

  /** Where `received`, which claims to begin at `offset`, differs first; undefined when it does not. */
  firstDifference(offset: number, received: Buffer): number | undefined {
    const expected = this.slice(offset, received.length)
    if (expected.equals(received)) return undefined
    return offset + received.findIndex((byte, index) => byte !== expected[index])
  }
}
