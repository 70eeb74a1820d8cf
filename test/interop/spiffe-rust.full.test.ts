import { testInteroperates } from './interoperates.js'

testInteroperates('rust', 'spiffe (Rust)')
