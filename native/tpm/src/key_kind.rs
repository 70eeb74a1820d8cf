//! The kinds of key there are, and their templates.
#![forbid(unsafe_code)]

use tss_esapi::attributes::ObjectAttributes;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::key_bits::RsaKeyBits;
use tss_esapi::structures::{
    EccParameter, EccPoint, EccScheme, KeyDerivationFunctionScheme, Public, PublicEccParameters, PublicKeyRsa,
    PublicRsaParameters, RsaExponent, RsaScheme, SymmetricDefinitionObject,
};

use crate::status::{TpmError, TpmErrorKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    EcP256,
    EcP384,
    EcP521,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

/// Where the private half came into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Generated,
    Imported,
}

impl KeyKind {
    pub const ALL: [Self; 6] = [Self::EcP256, Self::EcP384, Self::EcP521, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EcP256 => "ec-p256",
            Self::EcP384 => "ec-p384",
            Self::EcP521 => "ec-p521",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    #[must_use]
    pub fn is_rsa(self) -> bool {
        self.curve().is_none()
    }

    fn curve(self) -> Option<EccCurve> {
        match self {
            Self::EcP256 => Some(EccCurve::NistP256),
            Self::EcP384 => Some(EccCurve::NistP384),
            Self::EcP521 => Some(EccCurve::NistP521),
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => None,
        }
    }

    /// Bytes of a coordinate, which is that of r and s too; of the modulus for RSA.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::EcP256 => 32,
            Self::EcP384 => 48,
            Self::EcP521 => 66,
            Self::Rsa2048 => 256,
            Self::Rsa3072 => 384,
            Self::Rsa4096 => 512,
        }
    }

    /// Parameters of a key whose scheme every signature names: an RSA key of a TLS peer makes PSS and PKCS#1 v1.5.
    ///
    /// # Errors
    /// `NotSupported` for sizes the library does not know.
    pub fn ecc_parameters(self, scheme: EccScheme) -> Result<PublicEccParameters, TpmError> {
        let curve = self.curve().ok_or_else(|| TpmError::new(TpmErrorKind::NotSupported, "RSA has no curve"))?;
        let none = SymmetricDefinitionObject::Null;
        Ok(PublicEccParameters::new(none, scheme, curve, KeyDerivationFunctionScheme::Null))
    }

    /// # Errors
    /// `NotSupported`
    pub fn rsa_parameters(self, scheme: RsaScheme) -> Result<PublicRsaParameters, TpmError> {
        let bits = match self {
            Self::Rsa2048 => RsaKeyBits::Rsa2048,
            Self::Rsa3072 => RsaKeyBits::Rsa3072,
            Self::Rsa4096 => RsaKeyBits::Rsa4096,
            Self::EcP256 | Self::EcP384 | Self::EcP521 => {
                return Err(TpmError::new(TpmErrorKind::NotSupported, "a curve has no modulus"));
            }
        };
        // Zero is the TPM's word for 65537.
        Ok(PublicRsaParameters::new(SymmetricDefinitionObject::Null, scheme, bits, RsaExponent::ZERO_EXPONENT))
    }

    /// The public area of a signing key. `public` is empty for a key that is to be made, else x and y side by side, or
    /// the modulus.
    ///
    /// # Errors
    /// `Invalid` for a public key of another size.
    pub fn public_area(self, origin: Origin, public: &[u8]) -> Result<Public, TpmError> {
        let builder = Public::builder()
            .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
            .with_object_attributes(attributes(origin)?);
        let area = if self.is_rsa() {
            let unique = PublicKeyRsa::try_from(public)?;
            self.require_size(public, self.size())?;
            builder
                .with_public_algorithm(PublicAlgorithm::Rsa)
                .with_rsa_parameters(self.rsa_parameters(RsaScheme::Null)?)
                .with_rsa_unique_identifier(unique)
        } else {
            self.require_size(public, 2 * self.size())?;
            let (x, y) = public.split_at(public.len() / 2);
            builder
                .with_public_algorithm(PublicAlgorithm::Ecc)
                .with_ecc_parameters(self.ecc_parameters(EccScheme::Null)?)
                .with_ecc_unique_identifier(EccPoint::new(EccParameter::try_from(x)?, EccParameter::try_from(y)?))
        };
        Ok(area.build()?)
    }

    /// Whether a public area is one of a key of this kind.
    #[must_use]
    pub fn is_of(self, area: &Public) -> bool {
        match area {
            Public::Ecc { parameters, .. } => self.curve() == Some(parameters.ecc_curve()),
            Public::Rsa { unique, .. } => self.is_rsa() && unique.value().len() == self.size(),
            Public::KeyedHash { .. } | Public::SymCipher { .. } => false,
        }
    }

    fn require_size(self, public: &[u8], size: usize) -> Result<(), TpmError> {
        if public.is_empty() || public.len() == size {
            return Ok(());
        }
        Err(TpmError::new(TpmErrorKind::Invalid, format!("a public key of this kind has {size} bytes")))
    }
}

/// `noDA`: the authorization is random and secret, so guesses are hopeless, and a failed one must not lock the TPM for
/// everybody. A generated key can never be duplicated; an imported one could be only with a policy, and it has none.
fn attributes(origin: Origin) -> Result<ObjectAttributes, TpmError> {
    let generated = origin == Origin::Generated;
    let attributes = ObjectAttributes::builder()
        .with_fixed_tpm(generated)
        .with_fixed_parent(generated)
        .with_sensitive_data_origin(generated)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_sign_encrypt(true)
        .build()?;
    Ok(attributes)
}
