import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePort, RunningSidecar, svidecar, until } from './running-sidecar.js'
import { helperFiles, startHelperLab } from './helper-lab.js'

test('rotations, expiry, the program, its signals and its exits are in the metrics and in the status', async (t) => {
  const lab = await startHelperLab(t, '4s')
  const port = await freePort()
  const program = lab.program('p', 'trap "exit 7" USR1\nwhile test -d $OUT; do sleep 0.05; done')
  const config = `agent_address = "${lab.agentSocket}" cert_dir = "${lab.certs}"
cmd = "${program}" cmd_restart = "on-failure" renew_signal = "SIGUSR1"
metrics { listen = "127.0.0.1:${port}" }
${helperFiles}`
  const sidecar = new RunningSidecar(t, lab.folder, 'helper', config)
  await sidecar.ready()
  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const text = await until('the program was restarted', async () => {
    const metrics = await scrape()
    return /^svidecar_program_restarts_total [1-9]/m.test(metrics) ? metrics : undefined
  })
  for (const line of [
    /^svidecar_output_rotations_total\{output="helper"\} [1-9]/m,
    /^svidecar_output_last_rotation_seconds\{output="helper"\} 1\d{9}/m,
    /^svidecar_output_seconds_to_expiry\{output="helper"\} -?\d/m,
    /^svidecar_output_write_failures_total\{output="helper"\} 0$/m,
    /^svidecar_program_running [01]$/m,
    /^svidecar_program_last_exit_code 7$/m,
    /^svidecar_program_signals_tried_total [1-9]/m,
    /^svidecar_program_signals_failed_total 0$/m,
  ]) {
    assert.match(text, line)
  }
  const { stdout } = await svidecar(['status', '-config', sidecar.configFile])
  assert.match(stdout, /^OUTPUT +IDENTITY .*\nhelper +default .*svid_bundle\.pem svid_key\.pem svid\.pem/m)
  assert.match(stdout, /^PROGRAM +STATE/m)
  assert.equal(await sidecar.stop(), 0)
})
