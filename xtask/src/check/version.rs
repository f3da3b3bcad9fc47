//! Versions of symbols, as in `GLIBC_2.17`.

use std::fmt;

/// A version's numbers. Compared one by one; a missing one is lower than any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// The version after `prefix`, if it consists of numbers.
    #[must_use]
    pub fn parse(name: &str, prefix: &str) -> Option<Self> {
        let numbers = name.strip_prefix(prefix)?.split('.').map(str::parse);
        numbers.collect::<Result<_, _>>().ok().map(Self)
    }

    /// A version of these numbers.
    #[must_use]
    pub fn new(numbers: &[u32]) -> Self {
        Self(numbers.to_vec())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let version = |name| Version::parse(name, "GLIBC_").unwrap();
        assert!(version("GLIBC_2.17") > version("GLIBC_2.2.5"));
        assert!(version("GLIBC_2.4") < version("GLIBC_2.17"));
        assert!(version("GLIBC_2.17.1") > version("GLIBC_2.17"));
        assert_eq!(version("GLIBC_2.17").to_string(), "2.17");
        assert_eq!(Version::parse("GLIBC_PRIVATE", "GLIBC_"), None);
        assert_eq!(Version::parse("GCC_3.0", "GLIBC_"), None);
    }
}
