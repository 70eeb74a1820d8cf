import { readFileSync } from 'node:fs'

/** Finds the number of a user or a group by its name. */
export interface Accounts {
  uid(name: string): number | undefined
  gid(name: string): number | undefined
}

/** The accounts of this machine as its own files list them; a directory service is not asked. */
export function systemAccounts(directory = '/etc'): Accounts {
  return {
    uid: (name) => numberOf(`${directory}/passwd`, name),
    gid: (name) => numberOf(`${directory}/group`, name),
  }
}

/** The third field of the line that starts with `name:`, in passwd(5) and group(5) alike. */
function numberOf(file: string, name: string): number | undefined {
  for (const line of readLines(file)) {
    const [account, , number] = line.split(':')
    if (account === name && number !== undefined && /^\d{1,10}$/.test(number)) return Number(number)
  }
  return undefined
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    // No such file, as in a container without accounts: then there is no such name either.
    if (error instanceof Error && 'code' in error) return []
    throw error
  }
}
