import { ConfigError, parseConfig, type Config } from '../../../sidecar/config/index.js'

/** Accounts that are the same on every machine. */
export const accounts = {
  uid: (name: string) =>
    new Map([
      ['root', 0],
      ['edge', 1000],
    ]).get(name),
  gid: (name: string) =>
    new Map([
      ['root', 0],
      ['mqtt', 2000],
    ]).get(name),
}

/** A file that parses. */
export function configOf(text: string, env: Readonly<Record<string, string>> = {}): Config {
  return parseConfig(text, { path: 'helper.conf', env, accounts })
}

/** The faults of a file as `line:column: message`; none when it parses. */
export function faultsOf(text: string, env: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    configOf(text, env)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.faults.map(({ line, column, message }) => `${line}:${column}: ${message}`)
  }
}

/** A tunnel that lacks nothing, with more keys on the first line of its block. */
export function tunnel(keys: string, name = 'a', base = defaults): string {
  return `tunnel "${name}" { ${keys}\n${base} }`
}

const defaults = 'mode = "server" listen = "0.0.0.0:8443" target = "127.0.0.1:80" allow { unsafe_allow_any = true }'
