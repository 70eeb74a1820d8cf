/** The keys of a table that is written out in the code, typed as what they are. */
export function tableKeys<Key extends string>(table: Readonly<Record<Key, unknown>>): readonly Key[] {
  return Object.keys(table).filter((key): key is Key => Object.hasOwn(table, key))
}
