//! Reads the part of CHANGELOG.md about a version.

/// A version's part of the changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// The text in parentheses after the version: a day, or "unreleased".
    pub date: &'a str,
    /// The text below its heading, without empty lines around it.
    pub text: &'a str,
}

/// The subdivisions of a version's part.
pub const GROUPS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

impl Section<'_> {
    /// The first line outside of [`GROUPS`]: an entry before the first of them, or a heading with another name.
    #[must_use]
    pub fn stray_line(&self) -> Option<&str> {
        let mut is_in_group = false;
        self.text.lines().find(|line| match line.strip_prefix("### ") {
            Some(heading) => {
                is_in_group = true;
                !GROUPS.contains(&heading)
            }
            None => line.starts_with("- ") && !is_in_group,
        })
    }

    /// Whether it has a day: four digits, two and two, with dashes between them.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        let parts: Vec<&str> = self.date.split('-').collect();
        let are_digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        are_digits && parts.iter().map(|part| part.len()).eq([4, 2, 2])
    }
}

/// The first version's part, with its heading `## VERSION (DATE)`: the version, and the part.
#[must_use]
pub fn newest(changelog: &str) -> Option<(&str, Section<'_>)> {
    let (_, rest) = changelog.split_once("\n## ")?;
    let (heading, rest) = rest.split_once('\n')?;
    let (version, date) = heading.split_once(" (")?;
    let date = date.strip_suffix(')')?;
    let text = rest.split("\n## ").next().unwrap_or(rest).trim();
    Some((version, Section { date, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_read_to_the_next_heading() {
        let text =
            "# Changelog\n\n## 1.2.0 (2026-12-01)\n\n### Added\n\n- a\n\n## 1.1.0 (2026-11-01)\n\n- b\n";
        let (version, section) = newest(text).unwrap();
        assert_eq!((version, section.text), ("1.2.0", "### Added\n\n- a"));
        assert!(section.is_dated());
        assert_eq!(newest("# Changelog\n"), None);
        assert_eq!(newest("# Changelog\n\n## 1.2.0\n\n- a\n"), None);
    }

    #[test]
    fn an_entry_outside_of_the_groups_is_found() {
        for (text, stray) in [
            ("Words.\n\n### Added\n\n#### Part\n\n- a\n\n### Fixed\n\n- b", None),
            ("- a\n\n### Added\n\n- b", Some("- a")),
            ("### Added\n\n- a\n\n### Other\n\n- b", Some("### Other")),
        ] {
            assert_eq!(Section { date: "", text }.stray_line(), stray, "{text}");
        }
    }

    #[test]
    fn a_day_is_written_with_digits_alone() {
        for (date, is_dated) in
            [("2026-12-01", true), ("unreleased", false), ("2026-12", false), ("01-12-2026", false)]
        {
            assert_eq!(Section { date, text: "" }.is_dated(), is_dated, "{date}");
        }
    }
}
