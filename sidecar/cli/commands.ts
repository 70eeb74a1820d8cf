import type { CommandEntry } from './command.js'

/**
 * Every command, in the order help lists them. A command's code is loaded when it is called: a probe that runs `health`
 * every few seconds must not pay for gRPC.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: 'run',
    summary: 'Obtain the identities of a configuration and carry the traffic of its tunnels',
    load: async () => (await import('./run-command.js')).runCommand,
  },
  {
    name: 'exec',
    summary: 'Run a program with an identity: wait for its SVID, pass signals on, exit with its status',
    load: async () => (await import('./exec-command.js')).execCommand,
  },
  {
    name: 'validate',
    summary: 'Check a configuration without starting anything',
    load: async () => (await import('./validate-command.js')).validateCommand,
  },
  {
    name: 'convert',
    summary: 'Print the new form of a helper.conf; with ghostunnel as its cmd, the tunnel that replaces it',
    load: async () => (await import('./convert-command.js')).convertCommand,
  },
  {
    name: 'status',
    summary: 'Show what a running svidecar does: identities, tunnels, what is wrong',
    load: async () => (await import('./status-command.js')).statusCommand,
  },
  {
    name: 'health',
    summary: 'Exit with 0 when every identity is valid, every tunnel listens and every output is on disk, for probes',
    load: async () => (await import('./health-command.js')).healthCommand,
  },
  {
    name: 'reload',
    summary: 'Make a running svidecar read its file again and say whether it took it over',
    load: async () => (await import('./reload-command.js')).reloadCommand,
  },
  {
    name: 'inspect',
    summary: 'Show an SVID, a token, a bundle, or what a Workload API offers, and what is wrong with it',
    load: async () => (await import('./inspect-command.js')).inspectCommand,
  },
  {
    name: 'doctor',
    summary: 'Say how far each identity of a configuration gets, and what SPIRE sees of this process',
    load: async () => (await import('./doctor-command.js')).doctorCommand,
  },
  {
    name: 'keys',
    summary: 'List, make, destroy and check private keys, wherever they are held',
    load: async () => (await import('./keys-command.js')).keysCommand,
  },
  {
    name: 'authority',
    summary: 'Run an embedded authority, for a first run, for tests, for a device without SPIRE',
    load: async () => (await import('./authority-command.js')).authorityCommand,
  },
  {
    name: 'demo',
    summary: 'Show the main job on this machine: two sidecars, rotating SVIDs, load, two intruders',
    load: async () => (await import('./demo-command.js')).demoCommand,
  },
]
