//! rustls' questions about certificates, answered by the X509-SVID rules and by the authorizer.
#![forbid(unsafe_code)]

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::authorizer::{AuthorizerFault, Permit, Verdict};
use crate::handshake_context::{self, Admission, Failure};
use crate::judgement;
use crate::snapshot::Snapshot;
use crate::x509_svid::{Usage, VerifiedPeer, verify_again};

/// Shows the identity of the handshake's own snapshot.
#[derive(Debug)]
pub struct IdentityResolver;

impl ResolvesServerCert for IdentityResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(handshake_context::snapshot()?.identity.certified())
    }
}

impl ResolvesClientCert for IdentityResolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(handshake_context::snapshot()?.identity.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Verifies a peer of either role.
///
/// The verdict is asked here, inside the handshake, so that a refusal reaches the peer as `access_denied`.
#[derive(Debug)]
pub struct PeerVerifier {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Default for PeerVerifier {
    fn default() -> Self {
        Self { algorithms: aws_lc_rs::default_provider().signature_verification_algorithms }
    }
}

fn admit(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    usage: Usage,
    now: UnixTime,
) -> Result<(), Error> {
    let snapshot = handshake_context::snapshot().ok_or(CertificateError::ApplicationVerificationFailure)?;
    let chain: Vec<CertificateDer<'static>> =
        std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect();
    let peer = match verify_again(&chain, &snapshot.bundles, usage, now) {
        Ok(peer) => peer,
        Err(error) => {
            let answer = error.to_certificate_error();
            handshake_context::note_failure(Failure::Svid(error));
            return Err(answer.into());
        }
    };
    let verdict = verdict(&snapshot, &peer, &chain);
    let failure = match verdict.as_ref().map(Permit::from_verdict) {
        Ok(Ok(permit)) => {
            handshake_context::note_admission(Admission { peer, chain, permit });
            return Ok(());
        }
        Ok(Err(reason)) => Failure::Denied { reason: reason.to_owned(), peer: Box::new(peer) },
        Err(fault) => Failure::Authorizer { fault: fault.clone(), peer: Box::new(peer) },
    };
    handshake_context::note_failure(failure);
    Err(CertificateError::ApplicationVerificationFailure.into())
}

fn verdict(
    snapshot: &Snapshot,
    peer: &VerifiedPeer,
    chain: &[CertificateDer<'static>],
) -> Result<Verdict, AuthorizerFault> {
    match judgement::remembered(&snapshot.policy, peer.spiffe_id(), chain) {
        Ok(verdict) => Ok(verdict),
        Err(question) => handshake_context::wait(question.ask()).unwrap_or(Err(AuthorizerFault::TimedOut)),
    }
}

impl ClientCertVerifier for PeerVerifier {
    /// None: bundle sets are large, and whom a tunnel trusts is nobody's business.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        admit(end_entity, intermediates, Usage::Client, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for PeerVerifier {
    /// The name is not looked at: a peer is known by its SPIFFE ID (X509-SVID section 4.1 and 5).
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        admit(end_entity, intermediates, Usage::Server, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
