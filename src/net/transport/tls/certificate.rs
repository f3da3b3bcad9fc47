//! Reads certificates: the few fields of X.509 that no library returns. <https://www.rfc-editor.org/rfc/rfc5280>

/// DER tags.
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, the version; certificates of version 1 have none.
const VERSION: u8 = 0xa0;

/// The fields of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Certificate<'a> {
    /// When it begins to be valid and when it expires, if these are valid times of RFC 5280.
    pub(super) validity: Option<Validity>,
    /// Whether it names itself as its issuer.
    pub(super) is_self_issued: bool,
    /// The public key with its algorithm: the `SubjectPublicKeyInfo`, in DER.
    pub(super) public_key: &'a [u8],
}

/// Times in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begins: u64,
    pub(super) expires: u64,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate in DER. `None` if it is not one.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Elements(Elements(der).content(SEQUENCE)?);
        let mut fields = Elements(certificate.content(SEQUENCE)?);
        if fields.0.first() == Some(&VERSION) {
            fields.next()?;
        }
        let (_serial, _algorithm, issuer) = (fields.next()?, fields.next()?, fields.next()?);
        let mut times = Elements(fields.content(SEQUENCE)?);
        let mut next = || time(&times.next()?);
        let validity = next().zip(next()).map(|(begins, expires)| Validity { begins, expires });
        let (subject, public_key) = (fields.next()?, fields.next()?);
        let is_self_issued = issuer.content == subject.content;
        Some(Self { validity, is_self_issued, public_key: public_key.whole })
    }
}

/// The two parts of a `SubjectPublicKeyInfo`: the algorithm in the form of
/// [`AlgorithmIdentifier`](rustls::pki_types::AlgorithmIdentifier), and the key.
pub(super) fn parts(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Elements(Elements(public_key).content(SEQUENCE)?);
    let (algorithm, key) = (parts.content(SEQUENCE)?, parts.content(BIT_STRING)?);
    // The first byte is the number of unused bits in the last one.
    Some((algorithm, key.strip_prefix(&[0])?))
}

/// Elements of DER, one after the other.
struct Elements<'a>(&'a [u8]);

/// One element.
struct Element<'a> {
    tag: u8,
    /// Tag, length and content.
    whole: &'a [u8],
    content: &'a [u8],
}

impl<'a> Elements<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, &first) = (self.0.first()?, self.0.get(1)?);
        // A short length is the byte itself; a long one says how many bytes follow with it.
        let (header, length) = if first < 0x80 {
            (2, usize::from(first))
        } else {
            let digits = self.0.get(2..)?.get(..usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 3 {
                return None;
            }
            (2 + digits.len(), digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)))
        };
        let whole = self.0.get(..header + length)?;
        self.0 = &self.0[whole.len()..];
        Some(Element { tag, whole, content: &whole[header..] })
    }

    /// The content of the next element, which must have this tag.
    fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.tag == tag).map(|element| element.content)
    }
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` in seconds since 1970. Times before that are 0.
fn time(element: &Element<'_>) -> Option<u64> {
    let digits = element.content.strip_suffix(b"Z")?;
    let (year, rest) = match element.tag {
        UTC_TIME if digits.len() == 12 => {
            let year = number(&digits[..2])?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        GENERALIZED_TIME if digits.len() == 14 => (number(&digits[..4])?, &digits[4..]),
        _ => return None,
    };
    let mut pairs = rest.chunks_exact(2).map(number);
    let [month, day, hour, minute, second] = std::array::from_fn(|_| pairs.next().flatten());
    let seconds = days_since_1970(year, month.filter(|month| (1..=12).contains(month))?, day?) * 86_400
        + hour? * 3600
        + minute? * 60
        + second?;
    Some(u64::try_from(seconds).unwrap_or(0))
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?.parse().ok()
}

/// Days from 1 January 1970 to a Gregorian date. Years are counted from March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<u64> {
        time(&Element { tag, whole: &[], content: text.as_bytes() })
    }

    #[test]
    fn times_are_read_as_seconds() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "000229235959Z", Some(951_868_799)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(0)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "701301000000Z", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "70010100000+Z", None),
            (UTC_TIME, "700101000000", None),
            (GENERALIZED_TIME, "700101000000Z", None),
            (SEQUENCE, "700101000000Z", None),
        ] {
            assert_eq!(seconds(tag, text), expected, "{text}");
        }
    }

    #[test]
    fn a_certificate_without_version_and_extensions_is_read_and_so_is_one_with_odd_times() {
        let made = certificates::Identity::of_version_1();
        let pem = CertificateDer::from_pem_slice(made.certificate.as_bytes());
        let mut der = pem.expect("a certificate").to_vec();
        let read = Certificate::parse(&der).expect("a certificate");
        assert!(read.validity.is_some() && read.is_self_issued);
        assert_eq!(read.public_key, made.public_key);
        // A time zone in place of the Z, which no certificate may have.
        let time = der.windows(2).position(|pair| pair == [UTC_TIME, 13]).expect("a time");
        der[time + 14] = b'+';
        let read = Certificate::parse(&der).expect("a certificate");
        assert_eq!((read.validity, read.public_key), (None, &*made.public_key));
    }

    #[test]
    fn a_certificate_tells_its_times_and_its_key_and_no_piece_of_it_does() {
        let made = certificates::Authority::new("tests").issue_between(&["server"], -2, 20_000);
        let pem = CertificateDer::from_pem_slice(made.certificate.as_bytes());
        let der = pem.expect("a certificate").to_vec();
        let read = Certificate::parse(&der).expect("a certificate");
        // One of them has two digits for the year, the other one four.
        let validity = read.validity.expect("two times");
        assert_eq!(validity.expires - validity.begins, 20_002 * 86_400);
        assert_eq!(read.public_key, made.public_key);
        for length in 0..der.len() {
            assert_eq!(Certificate::parse(&der[..length]), None, "{length}");
        }
        // Damage may give wrong values, but no panic.
        let mut damaged = der.clone();
        for at in 0..damaged.len() {
            for byte in [0, 0x7f, 0x80, 0x83, 0xff] {
                let good = std::mem::replace(&mut damaged[at], byte);
                let _ = Certificate::parse(&damaged);
                damaged[at] = good;
            }
        }
    }
}
