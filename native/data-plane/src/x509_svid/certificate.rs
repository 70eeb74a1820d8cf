//! One certificate, read for what X509-SVID section 5 and RFC 5280 section 6 ask of it and webpki keeps to itself.
//!
//! webpki reads the same bytes and judges signatures, validity, basicConstraints and extended key usage; a
//! certificate has to pass both, so where the two readers differ the stricter one decides.

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};
use rustls::pki_types::UnixTime;

use super::extensions::Extensions;

/// RFC 5280 section 4.1.2.2 allows no more. A serial number goes into audit lines, so its length is held to.
const MAX_SERIAL_BYTES: usize = 20;

/// Not the DER of an X.509 v3 certificate. Where and why is of no use to anybody but its forger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// The fields of a certificate that our rules look at, borrowed from its DER.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    /// Big-endian, without the byte that only carries the sign.
    pub(crate) serial: &'a [u8],
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> Certificate<'a> {
    /// Reads the whole of `der`; bytes after the certificate are an error.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = SliceReader::new(der)?;
        let certificate = reader.sequence(|signed| {
            let certificate = signed.sequence(Self::read_to_be_signed)?;
            expect(signed, Tag::Sequence)?;
            expect(signed, Tag::BitString)?;
            Ok::<_, Malformed>(certificate)
        })?;
        reader.finish()?;
        Ok(certificate)
    }

    /// RFC 5280 section 4.1: the order of the fields is fixed. Without the tag of the version it is a v1 certificate,
    /// which has no extensions and so cannot be an SVID.
    fn read_to_be_signed(fields: &mut SliceReader<'a>) -> Result<Self, Malformed> {
        expect(fields, explicit(0))?;
        let serial = read_serial(fields)?;
        expect(fields, Tag::Sequence)?; // signature algorithm
        expect(fields, Tag::Sequence)?; // issuer
        let (not_before, not_after) =
            fields.sequence(|validity| Ok::<_, Malformed>((read_time(validity)?, read_time(validity)?)))?;
        expect(fields, Tag::Sequence)?; // subject
        expect(fields, Tag::Sequence)?; // public key
        let extensions =
            if fields.is_finished() { Extensions::default() } else { Extensions::parse(expect(fields, explicit(3))?)? };
        Ok(Self { serial, not_before, not_after, extensions })
    }
}

/// Reads one value of the given tag and returns its content.
pub(super) fn expect<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<&'a [u8], Malformed> {
    let value = AnyRef::decode(reader)?;
    if value.header().tag() == tag { Ok(value.value()) } else { Err(Malformed) }
}

/// The tag of an EXPLICIT field.
pub(super) fn explicit(number: u32) -> Tag {
    TagNumber(number).context_specific(true)
}

fn read_serial<'a>(fields: &mut SliceReader<'a>) -> Result<&'a [u8], Malformed> {
    let serial = match expect(fields, Tag::Integer)? {
        [0, magnitude @ ..] if !magnitude.is_empty() => magnitude,
        bytes => bytes,
    };
    if serial.is_empty() || serial.len() > MAX_SERIAL_BYTES { Err(Malformed) } else { Ok(serial) }
}

/// RFC 5280 section 4.1.2.5. Years before 1970 are refused, as webpki does.
fn read_time(validity: &mut SliceReader<'_>) -> Result<UnixTime, Malformed> {
    let since_epoch = if Tag::peek(validity)? == Tag::UtcTime {
        UtcTime::decode(validity)?.to_unix_duration()
    } else {
        GeneralizedTime::decode(validity)?.to_unix_duration()
    };
    Ok(UnixTime::since_unix_epoch(since_epoch))
}
