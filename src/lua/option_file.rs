//! Options whose value may be the name of a file: certificates and keys.

use std::fs;
use std::io::{self, ErrorKind};

use crate::backend::{FILE_OPTIONS, OptionError, OptionValue, PEM_BEGIN};
use crate::model::{NAME_CHARACTERS, printable};

/// The largest file that is read. The lists of all public authorities are a quarter of it.
const MAX_BYTES: u64 = 1 << 20;

/// Replaces each name of a file with the file's content. Errors quote nothing of the content.
pub(super) fn read_all(pairs: &mut [(String, OptionValue)]) -> Result<(), OptionError> {
    for (option, value) in pairs {
        if let OptionValue::String(name) = value
            && names_file(option, name)
        {
            *value = read(option, name)?;
        }
    }
    Ok(())
}

/// Whether the value of an option is the name of a file, not the text itself. Without TLS no file is read.
fn names_file(option: &str, value: &[u8]) -> bool {
    cfg!(feature = "tls")
        && FILE_OPTIONS.contains(&option)
        && !value.windows(PEM_BEGIN.len()).any(|part| part == PEM_BEGIN)
}

fn read(option: &str, name: &[u8]) -> Result<OptionValue, OptionError> {
    let shown = printable(name, NAME_CHARACTERS);
    let problem = |what: &str| OptionError::Invalid {
        key: option.to_owned(),
        problem: match option {
            // Not quoted, because the text may be the key itself, without its first line.
            "tls_key" => {
                format!("names a file {what}; a key that is given as text begins with -----BEGIN")
            }
            _ => format!("names the file \"{shown}\", {what}"),
        },
    };
    let Ok(path) = std::str::from_utf8(name) else { return Err(problem("whose name is not UTF-8")) };
    match contents(path) {
        Ok(bytes) => Ok(OptionValue::File { name: shown.clone(), bytes }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder =
                std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
            Err(problem(&format!("which does not exist; a name without a leading slash begins in {folder}")))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(problem("which this server's user may not read"))
        }
        Err(error) => Err(problem(&format!("which cannot be read: {error}"))),
    }
}

fn contents(path: &str) -> io::Result<Vec<u8>> {
    // Checked before it is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
    }
    if metadata.len() > MAX_BYTES {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it has more than 1 MiB, which is too much for a certificate",
        ));
    }
    fs::read(path)
}
