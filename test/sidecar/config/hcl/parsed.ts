import { Faults } from '../../../../sidecar/config/faults.js'
import { parseDocument, type Value } from '../../../../sidecar/config/hcl/index.js'

type Plain = string | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }

/** Values without their places: numbers as they are written, a block under its key and labels, repeated ones with `#`. */
function plain(value: Value): Plain {
  switch (value.kind) {
    case 'string':
      return value.text
    case 'number':
      return `number ${value.text}`
    case 'bool':
      return value.value
    case 'null':
      return null
    case 'bad':
      return 'bad'
    case 'list':
      return value.items.map(plain)
    case 'object': {
      const entries = new Map<string, Plain>()
      for (const item of value.items) {
        let name = [item.key, ...item.labels].map((key) => key.name).join(' ')
        while (entries.has(name)) name += '#'
        entries.set(name, plain(item.value))
      }
      return Object.fromEntries(entries)
    }
  }
}

/** What a text parses to. */
export function valuesOf(text: string): Plain {
  const faults = new Faults()
  const { body } = parseDocument(text, faults)
  const [fault] = faults.sorted()
  if (fault !== undefined) throw new Error(`${fault.line}:${fault.column}: ${fault.message}`)
  return plain(body)
}

/** The faults of a text as `line:column: message`, and what was read in spite of them. */
export function faultsOf(text: string): { readonly faults: readonly string[]; readonly values: Plain } {
  const faults = new Faults()
  const { body } = parseDocument(text, faults)
  const lines = faults.sorted().map(({ line, column, message }) => `${line}:${column}: ${message}`)
  return { faults: lines, values: plain(body) }
}
