//! Algorithms by Parsec's names, and signatures in PSA's format.
#![forbid(unsafe_code)]

use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::structures::{EccScheme, HashScheme, RsaScheme, Signature, SignatureScheme};

use crate::key_kind::KeyKind;
use crate::status::{TpmError, TpmErrorKind};

/// A scheme with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm {
    pub name: &'static str,
    scheme: Scheme,
    hash: HashingAlgorithm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Ecdsa,
    Pkcs1,
    Pss,
}

const fn algorithm(name: &'static str, scheme: Scheme, hash: HashingAlgorithm) -> Algorithm {
    Algorithm { name, scheme, hash }
}

impl Algorithm {
    pub const ALL: [Self; 9] = [
        algorithm("EcdsaSha256", Scheme::Ecdsa, HashingAlgorithm::Sha256),
        algorithm("EcdsaSha384", Scheme::Ecdsa, HashingAlgorithm::Sha384),
        algorithm("EcdsaSha512", Scheme::Ecdsa, HashingAlgorithm::Sha512),
        algorithm("RsaPkcs1v15Sha256", Scheme::Pkcs1, HashingAlgorithm::Sha256),
        algorithm("RsaPkcs1v15Sha384", Scheme::Pkcs1, HashingAlgorithm::Sha384),
        algorithm("RsaPkcs1v15Sha512", Scheme::Pkcs1, HashingAlgorithm::Sha512),
        algorithm("RsaPssSha256", Scheme::Pss, HashingAlgorithm::Sha256),
        algorithm("RsaPssSha384", Scheme::Pss, HashingAlgorithm::Sha384),
        algorithm("RsaPssSha512", Scheme::Pss, HashingAlgorithm::Sha512),
    ];

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name == name)
    }

    #[must_use]
    pub fn fits(self, kind: KeyKind) -> bool {
        kind.is_rsa() == (self.scheme != Scheme::Ecdsa)
    }

    #[must_use]
    pub fn signature_scheme(self) -> SignatureScheme {
        let hash_scheme = HashScheme::new(self.hash);
        match self.scheme {
            Scheme::Ecdsa => SignatureScheme::EcDsa { hash_scheme },
            Scheme::Pkcs1 => SignatureScheme::RsaSsa { hash_scheme },
            Scheme::Pss => SignatureScheme::RsaPss { hash_scheme },
        }
    }

    #[must_use]
    pub fn ecc_scheme(self) -> EccScheme {
        match self.scheme {
            Scheme::Ecdsa => EccScheme::EcDsa(HashScheme::new(self.hash)),
            Scheme::Pkcs1 | Scheme::Pss => EccScheme::Null,
        }
    }

    #[must_use]
    pub fn rsa_scheme(self) -> RsaScheme {
        let hash = HashScheme::new(self.hash);
        match self.scheme {
            Scheme::Pkcs1 => RsaScheme::RsaSsa(hash),
            Scheme::Pss => RsaScheme::RsaPss(hash),
            Scheme::Ecdsa => RsaScheme::Null,
        }
    }
}

/// r and s side by side, or an RSA signature as long as the modulus.
///
/// # Errors
/// `Other` when the TPM answers something else.
pub fn bytes_of(signature: &Signature, kind: KeyKind) -> Result<Vec<u8>, TpmError> {
    match signature {
        Signature::EcDsa(ecdsa) if !kind.is_rsa() => {
            let (r, s) = (ecdsa.signature_r(), ecdsa.signature_s());
            Ok([padded(r, kind.size())?, padded(s, kind.size())?].concat())
        }
        Signature::RsaSsa(rsa) | Signature::RsaPss(rsa) if kind.is_rsa() => padded(rsa.signature(), kind.size()),
        _ => Err(TpmError::new(TpmErrorKind::Other, "the TPM made a signature of another kind")),
    }
}

/// A number of the TPM's, which may leave out leading zeros, in `size` bytes.
///
/// # Errors
/// `Other` for one that is longer.
pub fn padded(number: &[u8], size: usize) -> Result<Vec<u8>, TpmError> {
    let missing = size
        .checked_sub(number.len())
        .ok_or_else(|| TpmError::new(TpmErrorKind::Other, "the TPM gave a number that is too long"))?;
    Ok([vec![0; missing].as_slice(), number].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gets_its_leading_zeros_back_and_is_never_cut() {
        assert_eq!(padded(&[7, 8], 4).unwrap(), [0, 0, 7, 8]);
        assert_eq!(padded(&[], 2).unwrap(), [0, 0]);
        assert!(padded(&[1, 2, 3], 2).is_err());
    }
}
