use super::*;
use crate::edition::{FULL, LEAN};

fn facts(platform: &Platform) -> Facts {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let import = |name: &str, version: &str| (name.to_owned(), Some(version.to_owned()));
    let linux = platform.system == System::Linux;
    Facts {
        system: platform.system,
        is_64: platform.is_64,
        is_x86: true,
        is_library: true,
        exports: names(&ENTRY_POINTS),
        libraries: names(if linux { &["libc.so.6", UNWINDER] } else { &["KERNEL32.dll", "msvcrt.dll"] }),
        imports: if linux {
            vec![
                import("poll", "GLIBC_2.2.5"),
                import("gettid", "GLIBC_2.17"),
                import("_Unwind_Resume", "GCC_3.0"),
            ]
        } else {
            vec![(PIN.to_owned(), None)]
        },
        has_symbols: false,
        stays_loaded: linux,
        is_hardened: true,
    }
}

fn linux() -> (&'static Platform, Facts) {
    let platform = Platform::named("linux64").unwrap();
    (platform, facts(platform))
}

fn windows() -> (&'static Platform, Facts) {
    let platform = Platform::named("win32").unwrap();
    (platform, facts(platform))
}

#[test]
fn what_is_as_it_should_be_has_no_fault() {
    for platform in &crate::platform::PLATFORMS {
        assert_eq!(judge(&facts(platform), platform, &LEAN), []);
    }
}

#[test]
fn the_oldest_glibc_is_that_of_the_newest_symbol() {
    assert_eq!(glibc(&linux().1).unwrap().to_string(), "2.17");
    assert_eq!(glibc(&windows().1), None);
}

#[test]
fn a_newer_symbol_is_refused_by_name() {
    let (platform, mut facts) = linux();
    facts.imports.push(("pthread_create".to_owned(), Some("GLIBC_2.34".to_owned())));
    let faults = judge(&facts, platform, &LEAN);
    let text = faults[0].to_string();
    assert_eq!(faults.len(), 1);
    assert!(
        text.starts_with("needs pthread_create@GLIBC_2.34, and servers may have no newer glibc than 2.17"),
        "{text}"
    );
}

#[test]
fn a_file_for_another_platform_is_refused() {
    let ((platform, linux64), (_, win32)) = (linux(), windows());
    let mut other_processor = linux64.clone();
    other_processor.is_x86 = false;
    let mut program = linux64;
    program.is_library = false;
    for facts in [win32, facts(Platform::named("linux").unwrap()), other_processor, program] {
        assert!(matches!(judge(&facts, platform, &LEAN)[0], Fault::Foreign { .. }), "{facts:?}");
    }
}

#[test]
fn entry_points_have_to_be_there_and_nothing_else() {
    let (platform, mut facts) = windows();
    facts.exports = vec!["gmod13_open".to_owned(), "rust_eh_personality".to_owned()];
    assert_eq!(
        judge(&facts, platform, &LEAN),
        [Fault::NoEntryPoint("gmod13_close"), Fault::Exports(vec!["rust_eh_personality".to_owned()])]
    );
}

#[test]
fn of_many_exports_a_few_are_named() {
    let names: Vec<String> = (0..7).map(|n| format!("f{n}")).collect();
    let text = Fault::Exports(names.clone()).to_string();
    assert!(text.ends_with("f0, f1, f2, f3, f4 and 2 more"), "{text}");
    assert!(Fault::Exports(names[..5].to_vec()).to_string().ends_with("f3, f4"));
}

#[test]
fn libraries_that_a_system_may_lack_are_refused() {
    let (platform, mut facts) = windows();
    facts.libraries = ["libgcc_s_dw2-1.dll", "WS2_32.dll", "vcruntime140.dll"].map(str::to_owned).to_vec();
    let fault = |name: &str| Fault::Library(name.to_owned());
    assert_eq!(judge(&facts, platform, &LEAN), [fault("libgcc_s_dw2-1.dll"), fault("vcruntime140.dll")]);
    let (platform, mut facts) = linux();
    facts.libraries.push("libssl.so.3".to_owned());
    assert_eq!(judge(&facts, platform, &LEAN), [fault("libssl.so.3")]);
}

#[test]
fn an_unwinder_inside_is_refused() {
    let (platform, mut facts) = linux();
    facts.libraries.retain(|library| library != UNWINDER);
    assert_eq!(judge(&facts, platform, &LEAN), [Fault::OwnUnwinder]);
}

#[test]
fn what_can_be_unloaded_is_refused() {
    let (platform, mut facts) = linux();
    facts.stays_loaded = false;
    assert!(matches!(judge(&facts, platform, &LEAN)[..], [Fault::Unloads(_)]));
    let (platform, mut facts) = windows();
    facts.imports.clear();
    assert!(matches!(judge(&facts, platform, &LEAN)[..], [Fault::Unloads(_)]));
}

#[test]
fn symbols_and_unusual_memory_are_refused() {
    let (platform, mut facts) = linux();
    (facts.has_symbols, facts.is_hardened) = (true, false);
    assert_eq!(judge(&facts, platform, &LEAN), [Fault::NotStripped, Fault::NotHardened]);
}

#[test]
fn each_fault_is_a_line_of_its_own() {
    let error = CheckError::Faulty("a.dll".into(), vec![Fault::NotStripped, Fault::OwnUnwinder]);
    let text = error.to_string();
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| line.starts_with("a.dll ")), "{text}");
}

#[test]
fn what_random_numbers_come_from_is_for_the_full_edition_alone() {
    let (platform, mut facts) = windows();
    facts.libraries.push("bcrypt.dll".to_owned());
    assert_eq!(judge(&facts, platform, &FULL), []);
    assert_eq!(judge(&facts, platform, &LEAN), [Fault::Library("bcrypt.dll".to_owned())]);
}
