//! Keys and their values.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Fields in the order in which they were first set, like small hashes in Redis.
#[derive(Debug, Default)]
pub(crate) struct Hash {
    order: Vec<Vec<u8>>,
    values: HashMap<Vec<u8>, Vec<u8>>,
}

impl Hash {
    pub(crate) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.values.get(field).map(Vec::as_slice)
    }

    /// Returns whether the field is new.
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let new = self.values.insert(field.to_vec(), value.to_vec()).is_none();
        if new {
            self.order.push(field.to_vec());
        }
        new
    }

    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        let found = self.values.remove(field).is_some();
        if found {
            self.order.retain(|other| other != field);
        }
        found
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.order.iter().filter_map(|field| Some((field.as_slice(), self.values.get(field)?.as_slice())))
    }
}

/// Members by score, then by name.
#[derive(Debug, Default)]
pub(crate) struct SortedSet(Vec<(f64, Vec<u8>)>);

impl SortedSet {
    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        self.0.iter().find(|(_, other)| other == member).map(|(score, _)| *score)
    }

    /// Returns whether the member is new.
    pub(crate) fn set(&mut self, member: &[u8], score: f64) -> bool {
        let new = !self.remove(member);
        let before = |(other, name): &(f64, Vec<u8>)| {
            other.total_cmp(&score).then_with(|| name.as_slice().cmp(member)).is_lt()
        };
        let place = self.0.partition_point(before);
        self.0.insert(place, (score, member.to_vec()));
        new
    }

    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        let place = self.0.iter().position(|(_, other)| other == member);
        place.map(|place| self.0.remove(place)).is_some()
    }

    pub(crate) fn members(&self) -> &[(f64, Vec<u8>)] {
        &self.0
    }
}

#[derive(Debug)]
pub(crate) enum Value {
    String(Vec<u8>),
    Hash(Hash),
    List(VecDeque<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    SortedSet(SortedSet),
}

impl Value {
    /// The name in `TYPE`'s answer.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::Hash(_) => "hash",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::SortedSet(_) => "zset",
        }
    }

    /// Whether the key is removed: an aggregate without elements does not exist. An empty string does.
    fn is_gone(&self) -> bool {
        match self {
            Value::String(_) => false,
            Value::Hash(hash) => hash.len() == 0,
            Value::List(list) => list.is_empty(),
            Value::Set(set) => set.is_empty(),
            Value::SortedSet(set) => set.0.is_empty(),
        }
    }
}

/// A type that a key can hold.
pub(crate) trait Kind: Default {
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

macro_rules! kinds {
    ($($type:ty => $variant:ident),*) => {$(
        impl Kind for $type {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$variant(inner) = value { Some(inner) } else { None }
            }
            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$variant(inner) = value { Some(inner) } else { None }
            }
            fn into_value(self) -> Value {
                Value::$variant(self)
            }
        }
    )*};
}

kinds!(
    Vec<u8> => String,
    Hash => Hash,
    VecDeque<Vec<u8>> => List,
    BTreeSet<Vec<u8>> => Set,
    SortedSet => SortedSet
);

#[derive(Debug)]
struct Entry {
    value: Value,
    expires: Option<Instant>,
    version: u64,
}

/// One numbered database.
#[derive(Debug, Default)]
pub(crate) struct Database {
    entries: HashMap<Vec<u8>, Entry>,
    /// Increases with every change, so that no two states of a key have the same number.
    version: u64,
}

impl Database {
    fn entry(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let expired = |entry: &Entry| entry.expires.is_some_and(|at| at <= Instant::now());
        if self.entries.get(key).is_some_and(expired) {
            self.entries.remove(key);
        }
        self.entries.get_mut(key)
    }

    pub(crate) fn value(&mut self, key: &[u8]) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Reads a key of one type.
    pub(crate) fn read<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&K>, Failure> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => K::of(value).map(Some).ok_or(Failure::WRONG_TYPE),
        }
    }

    /// Changes a key of one type, which is made if it is missing and removed if nothing is left in it.
    pub(crate) fn update<K: Kind, T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut K) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let version = self.version + 1;
        let Some(entry) = self.entry(key) else {
            let mut fresh = K::default();
            let outcome = change(&mut fresh)?;
            let value = fresh.into_value();
            if !value.is_gone() {
                self.set(key, value, None);
            }
            return Ok(outcome);
        };
        let outcome = change(K::of_mut(&mut entry.value).ok_or(Failure::WRONG_TYPE)?)?;
        entry.version = version;
        let gone = entry.value.is_gone();
        self.version = version;
        if gone {
            self.entries.remove(key);
        }
        Ok(outcome)
    }

    pub(crate) fn set(&mut self, key: &[u8], value: Value, expires: Option<Instant>) {
        self.version += 1;
        let version = self.version;
        self.entries.insert(key.to_vec(), Entry { value, expires, version });
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        self.entry(key)?;
        self.entries.remove(key).map(|entry| entry.value)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn keys(&mut self) -> impl Iterator<Item = &[u8]> {
        let now = Instant::now();
        self.entries.retain(|_, entry| entry.expires.is_none_or(|at| at > now));
        self.entries.keys().map(Vec::as_slice)
    }

    /// When the key expires: `None` if there is no key, `Some(None)` if it does not expire.
    pub(crate) fn expiry(&mut self, key: &[u8]) -> Option<Option<Instant>> {
        self.entry(key).map(|entry| entry.expires)
    }

    /// Returns whether there is such a key.
    pub(crate) fn set_expiry(&mut self, key: &[u8], expires: Option<Instant>) -> bool {
        let version = self.version + 1;
        let found = self.entry(key).map(|entry| {
            entry.expires = expires;
            entry.version = version;
        });
        self.version = version;
        found.is_some()
    }

    /// A number that differs after every change; 0 for a missing key.
    pub(crate) fn version_of(&mut self, key: &[u8]) -> u64 {
        self.entry(key).map_or(0, |entry| entry.version)
    }
}

/// The time left until `expires`, in milliseconds, rounded up.
pub(crate) fn milliseconds_left(expires: Instant) -> u64 {
    const NANOSECONDS_PER_MILLISECOND: u128 = 1_000_000;
    let left = expires.saturating_duration_since(Instant::now());
    u64::try_from(left.as_nanos().div_ceil(NANOSECONDS_PER_MILLISECOND)).unwrap_or(u64::MAX)
}

/// The moment `milliseconds` from now, if the clock reaches that far.
pub(crate) fn after(milliseconds: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(milliseconds))
}
