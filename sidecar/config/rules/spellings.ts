import type { Field, Reading } from '../schema/spec.js'

/** The field of a key that has an old spelling: a warning for the old one, a fault for both, as spiffe-helper 0.7 has it. */
export function eitherSpelling<
  Current extends string,
  Old extends string,
  F extends Readonly<Record<Current | Old, Field<unknown>>>,
>(fields: F, current: Current, old: Old, { faults, warnings }: Reading): F[Current] | F[Old] {
  const field = fields[current]
  const before = fields[old]
  if (!before.given) return field
  if (field.given) {
    faults.add(before.at, `use of ${current} and ${old} found, use only ${current}`)
    return field
  }
  warnings.add(before.at, `${old} will be deprecated, should be used as ${current}`)
  return before
}
