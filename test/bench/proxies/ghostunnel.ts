import { askVersion, Prepared, type Proxy } from './proxy.js'

/** `GHOSTUNNEL_BIN` names the program. */
export const ghostunnel: Proxy = {
  name: 'ghostunnel',

  async version() {
    const path = process.env['GHOSTUNNEL_BIN']
    return path === undefined ? undefined : askVersion(path, ['--version'], /rev .*/)
  },

  prepare({ mode, listen, target, certificates, allowed }) {
    const leaf = certificates[mode]
    const peer =
      mode === 'server' ? ['--allow-uri', allowed] : ['--verify-uri', allowed, '--override-server-name', 'localhost']
    const identity = ['--cert', leaf.cert, '--key', leaf.key, '--cacert', certificates.ca]
    const args = [mode, '--listen', listen, '--target', target, ...identity, ...peer]
    return Promise.resolve(new Prepared(process.env['GHOSTUNNEL_BIN'] ?? 'ghostunnel', args))
  },
}
