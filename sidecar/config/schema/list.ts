import { quoted, type Position } from '../faults.js'
import type { ValueType } from './spec.js'
import { wrongKind } from './scalars.js'

/**
 * A list of distinct values of one type. Every faulty element is reported; a repeated one too, since it is a slip of
 * the pen at best.
 */
export function listOf<T extends string | number>(
  element: ValueType<T>,
  options: { empty?: boolean; max?: number } = {},
): ValueType<readonly T[]> {
  const { empty = false, max = Number.POSITIVE_INFINITY } = options
  return {
    name: `list of ${element.name}`,
    read(value, key, reading) {
      if (value.kind !== 'list') return wrongKind(value, key, 'a list', reading)
      if (value.items.length === 0 && !empty) reading.faults.add(value.at, `${quoted(key)} is an empty list`)
      if (value.items.length > max) reading.faults.add(value.at, `${quoted(key)} has more than ${max} elements`)
      const seen = new Map<T, Position>()
      for (const item of value.items) {
        const read = item.kind === 'bad' ? undefined : element.read(item, key, reading)
        if (read === undefined) continue
        const earlier = seen.get(read)
        if (earlier === undefined) seen.set(read, item.at)
        else
          reading.faults.add(item.at, `${quoted(key)} has ${quoted(String(read))} twice, first on line ${earlier.line}`)
      }
      return [...seen.keys()]
    },
  }
}
