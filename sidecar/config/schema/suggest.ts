/** Bounds on the work: a file may have tens of thousands of labels, and a fault for each. */
const maxLength = 40
const maxNames = 1000

/** `; did you mean "listen"?` when one of the names is close to what was written, else nothing. */
export function suggestion(written: string, names: Iterable<string>): string {
  if (written.length > maxLength) return ''
  const folded = fold(written)
  let best: string | undefined
  let bestDistance = Math.min(3, Math.ceil(written.length / 3) + 1)
  let looked = 0
  for (const name of names) {
    if (++looked > maxNames) break
    if (Math.abs(name.length - written.length) > maxLength) continue
    const distance = editDistance(folded, fold(name))
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  return best === undefined ? '' : `; did you mean "${best}"?`
}

/** `listenAddress` and `listen-address` are near `listen_address`. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]/g, '')
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? a.length
}
