import { join } from 'node:path'
import { trustDomain } from '../certificates.js'
import type { SignerTunnelOptions } from '../signer-tunnel.js'
import { Prepared, type Proxy } from './proxy.js'
import { builtVersion } from './svidecar.js'

/** svidecar's data plane with a key that signs in JavaScript, as every device key does. */
export function svidecarSigner(dist: string): Proxy {
  const program = join(dist, 'test', 'bench', 'signer-tunnel.js')
  return {
    name: 'svidecar JS signer',
    handshakesOnly: true,
    version: () => builtVersion(dist),

    prepare({ mode, listen, target, certificates, allowed }) {
      const { ca } = certificates
      const options: SignerTunnelOptions = { mode, listen, target, ca, trustDomain, leaf: certificates[mode], allowed }
      return Promise.resolve(new Prepared(process.execPath, [program, JSON.stringify(options)]))
    },
  }
}
