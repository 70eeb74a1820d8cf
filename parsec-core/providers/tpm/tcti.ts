/** A way to a TPM, as libtss2 names them. */
export interface Tcti {
  /** With every value written out. */
  readonly text: string
  /** A TPM in software that is reached without leaving this machine: nobody can listen on a bus. */
  readonly isLocalSoftware: boolean
  /** Debian's package with libtss2's plugin for it. */
  readonly plugin: string
}

const defaultHost = '127.0.0.1'
const defaultPort = 2321
const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9][a-z0-9-]{0,62})*$/iu
const address = /^[0-9a-f.:]+$/iu
const busName = /^[\w-]+(?:\.[\w-]+)+$/u

/** Parses `device:PATH`, `swtpm:host=HOST,port=PORT` or `tabrmd[:bus_name=…,bus_type=…]`; a string says what is wrong. */
export function parseTcti(text: string): Tcti | string {
  const [kind = '', rest = ''] = splitAt(text, ':')
  switch (kind) {
    case 'device':
      return parseDevice(rest)
    case 'swtpm':
      return parseSwtpm(rest)
    case 'tabrmd':
      return parseTabrmd(rest)
    default:
      return '"tcti" begins with "device:", "swtpm:" or "tabrmd"'
  }
}

function parseDevice(path: string): Tcti | string {
  if (!/^\/[^,\0]+$/u.test(path)) return 'a device is an absolute path, such as "device:/dev/tpmrm0"'
  return { text: `device:${path}`, isLocalSoftware: false, plugin: 'libtss2-tcti-device0' }
}

function parseSwtpm(rest: string): Tcti | string {
  const values = parseValues(rest, ['host', 'port'])
  if (typeof values === 'string') return values
  const host = values.get('host') ?? defaultHost
  const port = Number(values.get('port') ?? defaultPort)
  if (!hostName.test(host) && !address.test(host)) return 'the host is neither a name nor an address'
  // libtss2 expects the control channel at the next port.
  if (!Number.isInteger(port) || port < 1 || port > 65_534) return 'the port is a number from 1 to 65534'
  const isLocalSoftware = host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/u.test(host)
  return { text: `swtpm:host=${host},port=${port}`, isLocalSoftware, plugin: 'libtss2-tcti-swtpm0' }
}

function parseTabrmd(rest: string): Tcti | string {
  const values = parseValues(rest, ['bus_name', 'bus_type'])
  if (typeof values === 'string') return values
  const name = values.get('bus_name')
  const type = values.get('bus_type')
  if (name !== undefined && !busName.test(name)) return 'the bus name is none of D-Bus'
  if (type !== undefined && type !== 'system' && type !== 'session') return 'the bus type is "system" or "session"'
  const written = [...values].map(([key, value]) => `${key}=${value}`).join(',')
  return {
    text: written === '' ? 'tabrmd' : `tabrmd:${written}`,
    isLocalSoftware: false,
    plugin: 'libtss2-tcti-tabrmd0',
  }
}

function parseValues(text: string, allowed: readonly string[]): ReadonlyMap<string, string> | string {
  const values = new Map<string, string>()
  for (const part of text === '' ? [] : text.split(',')) {
    const [key = '', value = ''] = splitAt(part, '=')
    if (!allowed.includes(key) || value === '')
      return `after the colon come ${allowed.join('=… and ')}=…, and nothing else`
    if (values.has(key)) return `"${key}" is there twice`
    values.set(key, value)
  }
  return values
}

function splitAt(text: string, separator: string): readonly string[] {
  const place = text.indexOf(separator)
  return place < 0 ? [text] : [text.slice(0, place), text.slice(place + 1)]
}
