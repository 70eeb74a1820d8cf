//! What a TPM can do, by its own answer.
#![forbid(unsafe_code)]

use tss_esapi::Context;
use tss_esapi::structures::{EccScheme, PublicParameters, RsaScheme};

use crate::key_kind::KeyKind;
use crate::signature::Algorithm;
use crate::status::TpmError;

/// The kinds of key and the algorithms a TPM takes (TPM2_TestParms).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    pub kinds: Vec<KeyKind>,
    pub algorithms: Vec<&'static str>,
}

impl Capabilities {
    /// # Errors
    /// When the TPM does not answer; a refusal is an answer.
    pub fn ask(context: &mut Context) -> Result<Self, TpmError> {
        let mut kinds = Vec::new();
        for kind in KeyKind::ALL {
            if takes(context, without_scheme(kind)?)? {
                kinds.push(kind);
            }
        }
        let mut algorithms = Vec::new();
        for algorithm in Algorithm::ALL {
            if let Some(kind) = kinds.iter().find(|kind| algorithm.fits(**kind))
                && takes(context, with_scheme(*kind, algorithm)?)?
            {
                algorithms.push(algorithm.name);
            }
        }
        Ok(Self { kinds, algorithms })
    }
}

fn takes(context: &mut Context, parameters: PublicParameters) -> Result<bool, TpmError> {
    match context.execute_without_session(|context| context.test_parms(parameters)).map_err(TpmError::from) {
        Ok(()) => Ok(true),
        Err(error) if error.poisons() => Err(error),
        Err(_refused) => Ok(false),
    }
}

fn without_scheme(kind: KeyKind) -> Result<PublicParameters, TpmError> {
    Ok(if kind.is_rsa() {
        PublicParameters::Rsa(kind.rsa_parameters(RsaScheme::Null)?)
    } else {
        PublicParameters::Ecc(kind.ecc_parameters(EccScheme::Null)?)
    })
}

fn with_scheme(kind: KeyKind, algorithm: Algorithm) -> Result<PublicParameters, TpmError> {
    Ok(if kind.is_rsa() {
        PublicParameters::Rsa(kind.rsa_parameters(algorithm.rsa_scheme())?)
    } else {
        PublicParameters::Ecc(kind.ecc_parameters(algorithm.ecc_scheme())?)
    })
}
