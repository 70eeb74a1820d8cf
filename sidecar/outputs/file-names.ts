/** `bundle.example.org.pem`, as `spire-agent api fetch` would have users tell them apart. */
export function trustDomainBundleName(trustDomain: string): string {
  return `bundle.${trustDomain}.pem`
}

const trustDomainBundle = /^bundle\..+\.pem$/

/** The names an output with `bundle_per_trust_domain` has for itself in its directory. */
export function isTrustDomainBundleName(name: string): boolean {
  return trustDomainBundle.test(name)
}
