//! The cases of <https://github.com/nst/JSONTestSuite>, which are not part of this repository:
//!
//! ```sh
//! JSON_TEST_SUITE=path/to/JSONTestSuite/test_parsing cargo test --test json suite
//! ```

use std::path::Path;
use std::{env, fs};

use super::common::{decode, judge};

/// Of the cases that a parser may accept or refuse those that we refuse: numbers that are infinite as doubles, an exponent of eight digits, UTF-16, and 500
/// levels. The others have strings that are not UTF-8, surrogates without their partner, numbers beyond 2^53 and tiny ones, and
/// a byte order mark.
const REFUSED: &[&str] = &[
    "i_number_huge_exp",
    "i_number_neg_int_huge_exp",
    "i_number_pos_double_huge_exp",
    "i_number_real_neg_overflow",
    "i_number_real_pos_overflow",
    "i_number_real_underflow",
    "i_string_UTF-16LE_with_BOM",
    "i_string_utf16BE_no_BOM",
    "i_string_utf16LE_no_BOM",
    "i_structure_500_nested_arrays",
];

#[test]
fn every_case_has_the_verdict_that_its_name_says() {
    let Some(folder) = env::var_os("JSON_TEST_SUITE") else {
        println!("JSON_TEST_SUITE names no folder");
        return;
    };
    let (mut names, mut wrong) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(Path::new(&folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read(&path).unwrap();
        let result = decode(&text);
        if result.is_err() != (name.starts_with("n_") || REFUSED.contains(&name.as_str())) {
            wrong.push(format!("{name}: {result:?}"));
        }
        judge(&text);
        names.push(name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() > 300, "only {} cases in that folder", names.len());
    for refused in REFUSED {
        assert!(names.iter().any(|name| name == refused), "{refused} is not in that folder");
    }
}
