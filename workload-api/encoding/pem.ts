import { decodeBase64 } from './base64.js'

/** One block of a PEM text: its label and the bytes it stands for. */
export interface PemBlock {
  readonly label: string
  readonly der: Uint8Array
}

const beginLine = /^-----BEGIN ([A-Z0-9]+(?: [A-Z0-9]+)*)-----$/

/**
 * The blocks of a PEM text (RFC 7468), in order. Text between blocks is skipped, as tools write explanations there.
 * Undefined when a block has no end, another block's end, a header or anything that is not base64: `Buffer.from`
 * would skip what it does not know, so a damaged block could decode to something else.
 */
export function readPem(text: string): readonly PemBlock[] | undefined {
  const blocks: PemBlock[] = []
  const lines = text.split(/\r?\n/)
  for (let index = 0; index < lines.length; index++) {
    const label = beginLine.exec(lines[index]?.trimEnd() ?? '')?.[1]
    if (label !== undefined) {
      const end = lines.findIndex((line, at) => at > index && line.startsWith('-----'))
      if (end === -1 || lines[end]?.trimEnd() !== `-----END ${label}-----`) return undefined
      const der = decodeLines(lines.slice(index + 1, end))
      if (der === undefined) return undefined
      blocks.push({ label, der })
      index = end
    }
  }
  return blocks
}

/** One PEM block, its lines 64 characters long, ending in a newline. */
export function writePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

function decodeLines(lines: readonly string[]): Uint8Array | undefined {
  const text = lines.map((line) => line.trim()).join('')
  return text.length > 0 ? decodeBase64(text) : undefined
}
