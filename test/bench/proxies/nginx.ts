import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { askVersion, findProgram, Prepared, type Proxy, type Role } from './proxy.js'

const modules = ['/usr/lib/nginx/modules/ngx_stream_module.so', '/usr/share/nginx/modules/ngx_stream_module.so']
const suite = 'Ciphersuites TLS_AES_128_GCM_SHA256'

async function streamModule(): Promise<string | undefined> {
  for (const path of modules) {
    const found = await access(path).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

function tlsSide({ mode, certificates }: Role): string {
  const { cert, key } = certificates[mode]
  return mode === 'server'
    ? `ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_client_certificate ${certificates.ca};
    ssl_verify_client on; ssl_protocols TLSv1.3; ssl_conf_command ${suite}; ssl_ecdh_curve X25519;
    ssl_session_tickets off; ssl_session_cache off;`
    : `proxy_ssl on; proxy_ssl_certificate ${cert}; proxy_ssl_certificate_key ${key};
    proxy_ssl_trusted_certificate ${certificates.ca}; proxy_ssl_verify on; proxy_ssl_name localhost;
    proxy_ssl_protocols TLSv1.3; proxy_ssl_conf_command ${suite}; proxy_ssl_session_reuse off;`
}

/** Runs as whoever starts it: its workers must reach the private unix sockets of the measurement. */
function configuration(role: Role, module: string | undefined): string {
  return `${module === undefined ? '' : `load_module ${module};`}
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes auto;
worker_rlimit_nofile 20000;
pid ${join(role.folder, 'nginx.pid')};
error_log stderr;
events { worker_connections 20000; }
stream {
  log_format connection '$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time';
  access_log /dev/stdout connection;
  server {
    listen ${role.listen}${role.mode === 'server' ? ' ssl' : ''};
    proxy_pass ${role.target};
    proxy_timeout 1h;
    ${tlsSide(role)}
  }
}
`
}

export const nginx: Proxy = {
  name: 'nginx',

  async version() {
    const path = await findProgram('nginx')
    return path === undefined ? undefined : askVersion(path, ['-v'], /nginx\/\S+/)
  },

  async prepare(role) {
    const path = join(role.folder, 'nginx.conf')
    await writeFile(path, configuration(role, await streamModule()))
    return new Prepared((await findProgram('nginx')) ?? 'nginx', ['-p', role.folder, '-c', path])
  },
}
