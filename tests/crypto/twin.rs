//! SHA-256 once more, naively: the whole message padded in one vector, the constants computed from the primes.

/// The integer part of the root of that degree of `number`.
fn root(number: u128, degree: u32) -> u128 {
    let (mut low, mut high) = (0_u128, 1 << 40);
    while high - low > 1 {
        let middle = u128::midpoint(low, high);
        if middle.pow(degree) <= number { low = middle } else { high = middle }
    }
    low
}

/// The first 32 bits after the point in the roots of the first primes.
fn fractions(count: usize, degree: u32) -> Vec<u32> {
    let primes = (2_u128..).filter(|n| (2..*n).all(|divisor| n % divisor != 0));
    primes.take(count).map(|prime| (root(prime << (32 * degree), degree) & 0xffff_ffff) as u32).collect()
}

pub(crate) fn sha256(message: &[u8]) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    let (constants, mut state) = (fractions(64, 3), fractions(8, 2));
    for block in padded.chunks(64) {
        let mut w: Vec<u32> = block
            .chunks(4)
            .map(|word| word.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
            .collect();
        for t in 16..64 {
            let a = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ w[t - 15] >> 3;
            let b = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ w[t - 2] >> 10;
            w.push(a.wrapping_add(b).wrapping_add(w[t - 7]).wrapping_add(w[t - 16]));
        }
        let mut v = state.clone();
        for t in 0..64 {
            let a = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let b = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let choice = (v[4] & v[5]) ^ (!v[4] & v[6]);
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            let first =
                [v[7], a, choice, constants[t], w[t]].iter().fold(0, |sum: u32, n| sum.wrapping_add(*n));
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(first);
            v[0] = first.wrapping_add(b).wrapping_add(majority);
        }
        state = state.iter().zip(v).map(|(a, b)| a.wrapping_add(b)).collect();
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}
