/** A string of HCL 1. `${` begins what HCL copies as it is, quotes and backslashes included, so its dollar is escaped. */
export function hclString(text: string): string {
  return JSON.stringify(text).replaceAll('$', '\\u0024')
}

export function hclList(texts: readonly string[]): string {
  return `[${texts.map(hclString).join(', ')}]`
}

/** An octal file mode with its leading zero. */
export function hclMode(mode: number): string {
  return `0${mode.toString(8)}`
}

/** `key = value` lines with their equals signs below each other; those without a value are left out. */
export function hclKeys(keys: readonly (readonly [name: string, value: string | undefined])[]): readonly string[] {
  const given = keys.filter(([, value]) => value !== undefined)
  const width = Math.max(0, ...given.map(([name]) => name.length))
  return given.map(([name, value]) => `${name.padEnd(width)} = ${value}`)
}

/** A block with its lines indented. */
export function hclBlock(head: string, lines: readonly string[]): string {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), '}'].join('\n')
}

/** Text of a stranger's file on one line of a comment. */
export function hclComment(text: string): string {
  return `# ${text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ')}`
}
