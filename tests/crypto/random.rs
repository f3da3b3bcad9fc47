use std::collections::HashSet;

use realtime::crypto::{Random, TOKEN_BYTES, hex};

#[test]
fn no_token_comes_twice() {
    let mut random = Random::new();
    let tokens: HashSet<_> = (0..100_000).map(|_| random.token()).collect();
    assert_eq!(tokens.len(), 100_000);
}

#[test]
fn two_generators_have_no_token_in_common() {
    let (mut one, mut other) = (Random::new(), Random::new());
    let tokens: HashSet<_> = (0..1000).flat_map(|_| [one.token(), other.token()]).collect();
    assert_eq!(tokens.len(), 2000);
}

#[test]
fn generators_of_two_threads_have_no_token_in_common() {
    let first = || Random::new().token();
    assert_ne!(first(), std::thread::spawn(first).join().unwrap());
}

/// A thousand tokens have each digit at each place some 62 times. The chance that any of the 512 is missing is below 1 to
/// 10^25.
#[test]
fn every_digit_occurs_at_every_place() {
    let mut random = Random::new();
    let mut seen = vec![HashSet::new(); 2 * TOKEN_BYTES];
    for _ in 0..1000 {
        for (place, digit) in hex(&random.token()).bytes().enumerate() {
            seen[place].insert(digit);
        }
    }
    for (place, digits) in seen.iter().enumerate() {
        assert_eq!(digits.len(), 16, "at {place}: {digits:?}");
    }
}
