// Puts a built file where it runs from.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'

function sameContent(from, to) {
  return existsSync(to) && readFileSync(from).equals(readFileSync(to))
}

/** Renamed into place: a process that has the old addon mapped must not see its pages change. */
export function place(from, to) {
  if (sameContent(from, to)) return
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, `${to}.new`)
  renameSync(`${to}.new`, to)
}
