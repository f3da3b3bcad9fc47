//! Computes which of a cluster's hash slots a key or a sharded channel is in:
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>

use crate::model::TopicKind;

/// A hash slot: less than 16,384.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct HashSlot(u16);

impl HashSlot {
    /// How many there are: a power of two.
    pub(super) const COUNT: u16 = 16_384;

    /// The slot of a key or a sharded channel. If it has a hash tag, as `{shop}:prices` has, the tag alone decides.
    pub(super) fn of(key: &[u8]) -> Self {
        Self(crc16(hash_tag(key).unwrap_or(key)) % Self::COUNT)
    }

    /// The slot with this number, as a server names it.
    pub(super) fn from_number(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its number.
    pub(super) fn number(self) -> u16 {
        self.0
    }
}

/// Names with the same number may share a command: sharded channels of different hash slots may not.
pub(super) fn group_of(kind: TopicKind, name: &[u8]) -> u16 {
    if kind == TopicKind::ShardedChannel { HashSlot::of(name).number() } else { 0 }
}

/// The text between the first `{` and the next `}`, if it is not empty.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let rest = &key[key.iter().position(|&byte| byte == b'{')? + 1..];
    let tag = &rest[..rest.iter().position(|&byte| byte == b'}')?];
    (!tag.is_empty()).then_some(tag)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// The checksum of each byte alone.
static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    const POLYNOMIAL: u16 = 0x1021;
    let mut table = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { POLYNOMIAL };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_are_those_that_redis_answers_to_cluster_keyslot() {
        for (key, slot) in [
            ("", 0),
            ("foo", 12_182),
            ("bar", 5_061),
            ("123456789", 0x31c3),
            ("{user1000}.following", 3_443),
            ("user1000", 3_443),
            ("foo{{bar}}zap", 4_015),
            ("{bar", 4_015),
            ("foo{bar}{zap}", 5_061),
            ("foo{}{bar}", 8_363),
            ("foo}{bar", 7_624),
            ("\u{e4}{", 8_673),
        ] {
            assert_eq!(HashSlot::of(key.as_bytes()).number(), slot, "{key}");
        }
    }

    #[test]
    fn no_slot_has_a_higher_number() {
        assert_eq!(HashSlot::from_number(16_383).map(HashSlot::number), Some(16_383));
        assert_eq!(HashSlot::from_number(16_384), None);
    }
}
