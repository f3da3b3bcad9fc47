//! Numbers at the edges of their form, beside serde_json and the standard library: every exponent, mantissas at the ends and in the
//! middle of their range, and texts that lie between two doubles.

use super::common::{Tree, decode, encode, judge};

const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const MANTISSAS: u64 = 1 << MANTISSA_BITS;

/// At the ends of their range, around its middle, and some in between.
fn mantissas(seed: u64) -> impl Iterator<Item = u64> {
    const MIXED: u64 = 0x9E37_79B9_7F4A_7C15;
    let half = MANTISSAS / 2;
    let ends = [0, 1, 2, 3, half - 1, half, half + 1, MANTISSAS - 3, MANTISSAS - 2, MANTISSAS - 1];
    let mixed = (1..5).map(move |n| (seed * 5 + n).wrapping_mul(MIXED) % MANTISSAS);
    // Few bits: such doubles lie in the middle between two texts more often.
    let few_bits = (1..MANTISSA_BITS).step_by(5).map(move |shift| (seed * 2 + 1) << shift & (MANTISSAS - 1));
    ends.into_iter().chain(mixed).chain(few_bits)
}

/// The digits of a number's text without noughts around them, and the power of ten of the first one.
fn digits(text: &str) -> (String, i32) {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let first = all.find(|digit| digit != '0').unwrap_or(0);
    let power = exponent.parse::<i32>().unwrap() + i32::try_from(whole.len()).unwrap()
        - 1
        - i32::try_from(first).unwrap();
    (all.trim_matches('0').to_owned(), power)
}

#[test]
fn every_exponent_is_written_with_the_digits_that_serde_json_writes() {
    // Up to 2^53: larger numbers are refused.
    for exponent in 0..=1023 + 53 {
        for mantissa in mantissas(exponent) {
            let value = f64::from_bits(exponent << MANTISSA_BITS | mantissa);
            if value.abs() > 9_007_199_254_740_992.0 {
                continue;
            }
            let ours = String::from_utf8(encode(&Tree::Number(value)).unwrap()).unwrap();
            let theirs = serde_json::to_string(&value).unwrap();
            assert_eq!(digits(&ours), digits(&theirs), "{value:e}: {ours} and {theirs}");
            assert_eq!(ours.parse(), Ok(value), "{ours}");
            assert_eq!(decode(&ours), Ok(Tree::Number(value)), "{ours}");
            assert_eq!(
                encode(&Tree::Number(-value)).unwrap(),
                match value {
                    0.0 => ours.into_bytes(),
                    _ => format!("-{ours}").into_bytes(),
                }
            );
        }
    }
}

/// The middle between two doubles that are neighbours, which has one digit more than they have at most, and texts next to it.
fn around_the_middle(below: f64, above: f64) -> [String; 3] {
    const PLACES: usize = 1100;
    let [below, above] = [below, above].map(|value| format!("{value:.PLACES$}"));
    let mut carry = 0;
    // Both texts have the same number of digits. The sum of their digits, from the last to the first, and then half
    // of it.
    let width = below.len().max(above.len());
    let [below, above] = [below, above].map(|text| format!("{text:0>width$}").into_bytes());
    let mut sum: Vec<u8> = below
        .iter()
        .zip(&above)
        .rev()
        .map(|(&below, &above)| {
            if below == b'.' {
                return b'.';
            }
            let digit = below - b'0' + above - b'0' + carry;
            carry = digit / 10;
            b'0' + digit % 10
        })
        .collect();
    sum.push(b'0' + carry);
    sum.reverse();
    let mut rest = 0;
    for digit in sum.iter_mut().filter(|digit| **digit != b'.') {
        let whole = rest * 10 + (*digit - b'0');
        *digit = b'0' + whole / 2;
        rest = whole % 2;
    }
    let text = String::from_utf8(sum).unwrap();
    let text = match text.trim_start_matches('0') {
        text if text.starts_with('.') => format!("0{text}"),
        text => text.to_owned(),
    };
    assert_eq!(rest, 0);
    let text = text.trim_end_matches('0');
    let last = text.chars().last();
    assert_eq!(last, Some('5'), "a middle ends so");
    [text.to_owned(), format!("{text}0001"), format!("{}49", &text[..text.len() - 1])]
}

#[test]
fn texts_between_two_doubles_are_read_as_the_standard_library_reads_them() {
    let read = |text: &str| {
        let expected: f64 = text.parse().unwrap();
        assert_eq!(decode(text), Ok(Tree::Number(expected)), "{text}");
    };
    for exponent in (0..=1023 + 51).step_by(29).chain([0, 1, 2, 1022, 1023, 1024, 1023 + 51]) {
        for mantissa in mantissas(exponent) {
            let value = f64::from_bits(exponent << MANTISSA_BITS | mantissa);
            // All digits of the double; and of the middle between it and the next one, with the two texts around that.
            let exact = format!("{value:.1100}");
            let exact = exact.trim_end_matches('0');
            let exact = if exact.ends_with('.') { format!("{exact}0") } else { exact.to_owned() };
            read(&exact);
            for text in around_the_middle(value, value.next_up()) {
                read(&text);
            }
            for places in [15, 16, 17, 18, 19, 20, 25, 40] {
                read(&format!("{value:.places$e}"));
                read(&format!("{value:.places$}"));
            }
        }
    }
}

#[test]
fn forms_of_numbers_are_judged_as_serde_json_does() {
    let wholes = [
        "0",
        "-0",
        "1",
        "00",
        "-",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740992",
        "-9007199254740993",
        "999999999999999",
        "1000000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
    ];
    let fractions =
        ["", ".", ".0", ".5", ".000000000000000", ".00000000000000000000000000000001", ".9999999999999999"];
    let exponents = [
        "", "e", "e+", "e0", "E-0", "e1", "e-1", "e+15", "e16", "e22", "e23", "e-22", "e-23", "e291",
        "e-324", "e-400",
    ];
    for whole in wholes {
        for fraction in fractions {
            for exponent in exponents {
                judge(format!("[{whole}{fraction}{exponent}]").as_bytes());
            }
        }
    }
    for text in [
        "4.9e-324",
        "2.4e-324",
        "2.5e-324",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "9007199254740991.5",
        "9007199254740992.0",
        "9007199254740992.5",
        "4503599627370496.5",
        "4503599627370497.5",
        "0.1e1",
        "1e-1000000",
    ] {
        judge(text.as_bytes());
    }
}
