//! Signatures over a hash that was made elsewhere, which Node's own cryptography does not offer for ECDSA. PSA's
//! formats: an ECDSA signature is r and s side by side.
#![forbid(unsafe_code)]

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::signature::UnparsedPublicKey;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, RsaEncoding, RsaKeyPair, VerificationAlgorithm};

/// Every combination of key and hash there is; TLS 1.3 binds a curve to one hash, and so do we.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashSignatureAlgorithm {
    EcdsaP256Sha256,
    EcdsaP384Sha384,
    EcdsaP521Sha512,
    RsaPkcs1v15Sha256,
    RsaPkcs1v15Sha384,
    RsaPkcs1v15Sha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
}

/// How one algorithm is signed with.
enum Signing {
    Ecdsa(&'static EcdsaSigningAlgorithm),
    Rsa(&'static dyn RsaEncoding),
}

impl HashSignatureAlgorithm {
    fn hash(self) -> &'static digest::Algorithm {
        match self {
            Self::EcdsaP256Sha256 | Self::RsaPkcs1v15Sha256 | Self::RsaPssSha256 => &digest::SHA256,
            Self::EcdsaP384Sha384 | Self::RsaPkcs1v15Sha384 | Self::RsaPssSha384 => &digest::SHA384,
            Self::EcdsaP521Sha512 | Self::RsaPkcs1v15Sha512 | Self::RsaPssSha512 => &digest::SHA512,
        }
    }

    fn signing(self) -> Signing {
        match self {
            Self::EcdsaP256Sha256 => Signing::Ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Self::EcdsaP384Sha384 => Signing::Ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Self::EcdsaP521Sha512 => Signing::Ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Self::RsaPkcs1v15Sha256 => Signing::Rsa(&signature::RSA_PKCS1_SHA256),
            Self::RsaPkcs1v15Sha384 => Signing::Rsa(&signature::RSA_PKCS1_SHA384),
            Self::RsaPkcs1v15Sha512 => Signing::Rsa(&signature::RSA_PKCS1_SHA512),
            Self::RsaPssSha256 => Signing::Rsa(&signature::RSA_PSS_SHA256),
            Self::RsaPssSha384 => Signing::Rsa(&signature::RSA_PSS_SHA384),
            Self::RsaPssSha512 => Signing::Rsa(&signature::RSA_PSS_SHA512),
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::EcdsaP521Sha512 => &signature::ECDSA_P521_SHA512_FIXED,
            Self::RsaPkcs1v15Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaPkcs1v15Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaPkcs1v15Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::RsaPssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::RsaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
        }
    }
}

/// Why there is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashSignatureError {
    /// The key is none of the algorithm's kind.
    Key,
    /// The hash has not the algorithm's length.
    HashLength,
    Failed,
}

impl From<KeyRejected> for HashSignatureError {
    fn from(_: KeyRejected) -> Self {
        Self::Key
    }
}

impl From<Unspecified> for HashSignatureError {
    fn from(_: Unspecified) -> Self {
        Self::Failed
    }
}

fn imported(algorithm: HashSignatureAlgorithm, hash: &[u8]) -> Result<Digest, HashSignatureError> {
    Digest::import_less_safe(hash, algorithm.hash()).map_err(|_| HashSignatureError::HashLength)
}

/// Signs a hash with a PKCS#8 key.
///
/// # Errors
/// When key or hash do not fit the algorithm.
pub fn sign_hash(algorithm: HashSignatureAlgorithm, pkcs8: &[u8], hash: &[u8]) -> Result<Vec<u8>, HashSignatureError> {
    let digest = imported(algorithm, hash)?;
    match algorithm.signing() {
        Signing::Ecdsa(signing) => {
            let signature = EcdsaKeyPair::from_pkcs8(signing, pkcs8)?.sign_digest(&digest)?;
            Ok(signature.as_ref().to_vec())
        }
        Signing::Rsa(encoding) => {
            let key = RsaKeyPair::from_pkcs8(pkcs8)?;
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign_digest(encoding, &digest, &mut signature)?;
            Ok(signature)
        }
    }
}

/// Whether a signature over a hash is the key's; the key is an uncompressed point or a PKCS#1 `RSAPublicKey`.
///
/// # Errors
/// When the hash does not fit the algorithm.
pub fn verify_hash(
    algorithm: HashSignatureAlgorithm,
    public_key: &[u8],
    hash: &[u8],
    signature: &[u8],
) -> Result<bool, HashSignatureError> {
    let digest = imported(algorithm, hash)?;
    let key = UnparsedPublicKey::new(algorithm.verification(), public_key);
    Ok(key.verify_digest(&digest, signature).is_ok())
}
