import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder with package.json; tests run from `dist/test`. */
export const repositoryRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
