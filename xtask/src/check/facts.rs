//! The facts in a file's headers.

use object::elf::{DF_1_NODELETE, DT_FLAGS_1, DT_TEXTREL, PF_X, PT_GNU_STACK};
use object::pe::{IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_NX_COMPAT};
use object::read::elf::{ElfFile, FileHeader, ProgramHeader};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile};
use object::read::{Export, Import, ImportFlags, NameOrOrdinal};
use object::{Architecture, Endianness, File, Object, ObjectKind, ObjectSection};

use crate::platform::System;

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The file is broken, or of an unknown kind.
    #[error(transparent)]
    Broken(#[from] object::Error),
    /// For example an object file.
    #[error("it is of another kind")]
    Other,
}

/// Read from a file, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The loader that accepts it.
    pub system: System,
    /// Whether it is for 64-bit processes.
    pub is_64: bool,
    /// Whether it is for the processors that the game runs on.
    pub is_x86: bool,
    /// Whether it is a library that can be loaded.
    pub is_library: bool,
    /// What it exports by name.
    pub exports: Vec<String>,
    /// Libraries that it needs.
    pub libraries: Vec<String>,
    /// The symbols that it imports, with their versions, if they have one.
    pub imports: Vec<(String, Option<String>)>,
    /// Whether it still contains unnecessary symbols or debug information.
    pub has_symbols: bool,
    /// Linux: whether the loader keeps it in memory.
    pub stays_loaded: bool,
    /// Whether it may be loaded anywhere, without its code or its stack being writable and executable.
    pub is_hardened: bool,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// The bytes are not an ELF or PE file, or it is broken.
    pub fn read(bytes: &[u8]) -> Result<Self, FactsError> {
        let file = File::parse(bytes)?;
        let (system, stays_loaded, is_hardened) = match &file {
            File::Elf32(file) => (System::Linux, stays_loaded(file)?, is_elf_hardened(file)?),
            File::Elf64(file) => (System::Linux, stays_loaded(file)?, is_elf_hardened(file)?),
            File::Pe32(file) => (System::Windows, false, is_pe_hardened(file)),
            File::Pe64(file) => (System::Windows, false, is_pe_hardened(file)),
            _ => return Err(FactsError::Other),
        };
        Ok(Self {
            system,
            is_64: file.is_64(),
            is_x86: matches!(file.architecture(), Architecture::I386 | Architecture::X86_64),
            is_library: file.kind() == ObjectKind::Dynamic,
            exports: file
                .exports()?
                .filter_map(|export| export.map(exported).transpose())
                .collect::<Result<_, _>>()?,
            libraries: file
                .import_libraries()?
                .map(|library| library.map(|library| text(library.name())))
                .collect::<Result<_, _>>()?,
            imports: file
                .imports()?
                .filter_map(|import| import.map(imported).transpose())
                .collect::<Result<_, _>>()?,
            has_symbols: file.symbols().next().is_some()
                || file.sections().any(|section| section.name().is_ok_and(|name| name.starts_with(".debug"))),
            stays_loaded,
            is_hardened,
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "as `map` hands it over")]
fn exported(export: Export<'_>) -> Option<String> {
    match export.name() {
        NameOrOrdinal::Name(name) => Some(text(name)),
        NameOrOrdinal::Ordinal(_) => None,
    }
}

fn imported(import: Import<'_>) -> Option<(String, Option<String>)> {
    let version = match import.flags() {
        ImportFlags::Elf { version, .. } => version.map(text),
        _ => None,
    };
    match import.name() {
        NameOrOrdinal::Name(name) => Some((text(name), version)),
        NameOrOrdinal::Ordinal(_) => None,
    }
}

fn stays_loaded<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> object::Result<bool> {
    let table = file.elf_dynamic_table()?;
    Ok(table.iter().any(|entry| entry.tag == DT_FLAGS_1 && entry.val & DF_1_NODELETE.0 != 0))
}

fn is_elf_hardened<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> object::Result<bool> {
    let patches_code = file.elf_dynamic_table()?.iter().any(|entry| entry.tag == DT_TEXTREL);
    let runs_stack = file.elf_program_headers().iter().any(|segment| {
        segment.p_type(file.endian()) == PT_GNU_STACK && segment.p_flags(file.endian()).contains(PF_X)
    });
    Ok(!patches_code && !runs_stack)
}

fn is_pe_hardened<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> bool {
    let wanted = IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | IMAGE_DLLCHARACTERISTICS_NX_COMPAT;
    file.nt_headers().optional_header().dll_characteristics() & wanted == wanted
}
