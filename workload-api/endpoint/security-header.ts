/**
 * SPIFFE Workload Endpoint section 3: metadata that a request forged through somebody else's HTTP client would not have.
 */
export const securityHeader = { name: 'workload.spiffe.io', value: 'true' } as const
