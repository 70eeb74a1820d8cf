use super::{SpiffeId, SpiffeIdError, validate_trust_domain};

#[test]
fn an_id_is_cut_into_trust_domain_and_path() {
    let id = SpiffeId::parse("spiffe://example.org/billing/payments").unwrap();
    assert_eq!(id.trust_domain(), "example.org");
    assert_eq!(id.path(), "/billing/payments");
    assert_eq!(id.as_str(), "spiffe://example.org/billing/payments");
}

#[test]
fn the_id_of_a_trust_domain_has_no_path() {
    let id = SpiffeId::parse("spiffe://example.org").unwrap();
    assert_eq!((id.trust_domain(), id.path()), ("example.org", ""));
}

#[test]
fn each_rule_is_named_by_its_own_error() {
    let cases = [
        ("", SpiffeIdError::Scheme),
        ("http://example.org/x", SpiffeIdError::Scheme),
        ("SPIFFE://example.org/x", SpiffeIdError::Scheme),
        ("spiffe://", SpiffeIdError::TrustDomainMissing),
        ("spiffe:///x", SpiffeIdError::TrustDomainMissing),
        ("spiffe://Example.org/x", SpiffeIdError::TrustDomainCharacter),
        ("spiffe://example.org:8080/x", SpiffeIdError::TrustDomainCharacter),
        ("spiffe://user@example.org/x", SpiffeIdError::TrustDomainCharacter),
        ("spiffe://example.org?x", SpiffeIdError::TrustDomainCharacter),
        ("spiffe://example.org/", SpiffeIdError::TrailingSlash),
        ("spiffe://example.org/x/", SpiffeIdError::TrailingSlash),
        ("spiffe://example.org//x", SpiffeIdError::EmptySegment),
        ("spiffe://example.org/x/../y", SpiffeIdError::DotSegment),
        ("spiffe://example.org/./y", SpiffeIdError::DotSegment),
        ("spiffe://example.org/%61", SpiffeIdError::PathCharacter),
        ("spiffe://example.org/a#", SpiffeIdError::PathCharacter),
        ("spiffe://example.org/a\n", SpiffeIdError::PathCharacter),
    ];
    for (text, error) in cases {
        assert_eq!(SpiffeId::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn the_limits_are_2048_and_255_bytes() {
    let long = |bytes: usize| format!("spiffe://td/{}", "a".repeat(bytes - "spiffe://td/".len()));
    assert!(SpiffeId::parse(&long(2048)).is_ok());
    assert_eq!(SpiffeId::parse(&long(2049)), Err(SpiffeIdError::TooLong));
    assert!(validate_trust_domain(&"a".repeat(255)).is_ok());
    assert_eq!(validate_trust_domain(&"a".repeat(256)), Err(SpiffeIdError::TrustDomainTooLong));
}

#[test]
fn every_byte_is_allowed_or_refused_as_the_standard_lists_them() {
    for byte in 0..=127_u8 {
        let text = format!("spiffe://td/a{}b", char::from(byte));
        let allowed = byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        assert_eq!(SpiffeId::parse(&text).is_ok(), allowed, "{byte}");
        let name = format!("a{}b", char::from(byte));
        let allowed = byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        assert_eq!(validate_trust_domain(&name).is_ok(), allowed, "{byte}");
    }
}
