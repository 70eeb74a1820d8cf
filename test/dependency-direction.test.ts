import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from './repository-root.js'

/** Who may import whom. A folder that is not listed may not exist among the sources. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  native: [],
  'workload-api': ['native'],
  'parsec-core': ['native'],
  sidecar: ['native', 'workload-api', 'parsec-core'],
}

const specifiers = /(?:from|import)\s*\(?\s*'([^']+)'/g

function sourcesOf(folder: string): readonly string[] {
  return readdirSync(join(repositoryRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Why `specifier` may not stand in `file` of `folder`, or undefined. */
function objection(folder: string, file: string, specifier: string): string | undefined {
  if (specifier === 'svidecar' || specifier.startsWith('svidecar/')) return "imports the package's own name"
  if (!specifier.startsWith('.')) return undefined
  const target = relative(repositoryRoot, resolve(dirname(file), specifier)).split(sep)
  const [into = ''] = target
  if (into === folder) return undefined
  if (!allowed[folder]?.includes(into)) return `points into ${into}`
  return target.length === 2 && target[1] === 'index.js' ? undefined : `goes past ${into}/index.js`
}

for (const folder of Object.keys(allowed)) {
  test(`imports of ${folder} point one way`, () => {
    const objections = sourcesOf(folder).flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(specifiers)].flatMap(([, specifier = '']) => {
        const why = objection(folder, file, specifier)
        return why === undefined ? [] : [`${relative(repositoryRoot, file)}: '${specifier}' ${why}`]
      }),
    )
    assert.deepEqual(objections, [])
  })
}

test('every folder with sources is listed', () => {
  const folders = readdirSync(repositoryRoot, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(repositoryRoot, entry.name, 'index.ts')))
    .map((entry) => entry.name)
  assert.deepEqual(folders.sort(), Object.keys(allowed).sort())
})
