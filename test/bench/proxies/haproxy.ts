import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { askVersion, findProgram, Prepared, type Proxy, type Role } from './proxy.js'

const suite = 'ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256'

function address(text: string): string {
  return text.startsWith('unix:') ? `unix@${text.slice('unix:'.length)}` : text
}

function tlsSide({ mode, certificates }: Role): { readonly bind: string; readonly server: string } {
  const material = `ca-file ${certificates.ca} verify required crt ${certificates[mode].combined}`
  return mode === 'server'
    ? { bind: `ssl ${material} ${suite} curves X25519 no-tls-tickets`, server: '' }
    : { bind: '', server: `ssl ${material} ${suite} no-ssl-reuse` }
}

function configuration(role: Role): string {
  const { bind, server } = tlsSide(role)
  return `global
  nbthread ${availableParallelism()}
  log stdout format raw local0
defaults
  mode tcp
  log global
  option tcplog
  maxconn 10000
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen bench
  bind ${address(role.listen)} ${bind}
  server backend ${address(role.target)} ${server}
`
}

export const haproxy: Proxy = {
  name: 'haproxy',

  async version() {
    const path = await findProgram('haproxy')
    return path === undefined ? undefined : askVersion(path, ['-v'], /version \S+/)
  },

  async prepare(role) {
    const path = join(role.folder, 'haproxy.cfg')
    await writeFile(path, configuration(role))
    return new Prepared((await findProgram('haproxy')) ?? 'haproxy', ['-db', '-f', path])
  },
}
