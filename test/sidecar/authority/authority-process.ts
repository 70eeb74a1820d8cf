/** An authority in a process of its own, which can be stopped: `authority-process FOLDER [OVERRIDES-AS-JSON]`. */
import { openAuthority } from './authority-fixture.js'

const [, , folder, overrides] = process.argv
if (folder === undefined) throw new TypeError('one argument at least')
await openAuthority(folder, overrides === undefined ? {} : JSON.parse(overrides))
process.stdout.write('ready\n')
