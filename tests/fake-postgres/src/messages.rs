//! The server's messages, as bytes.

/// A message of the server.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &u32::try_from(body.len() + 4).expect("a short one").to_be_bytes(), body].concat()
}

/// The process that the key of [`LET_IN`] names.
pub const PROCESS: &str = "1";

/// AuthenticationOk, two parameters, the key.
pub const LET_IN: &[u8] =
    b"R\0\0\0\x08\0\0\0\0S\0\0\0\x19server_version\x0015.18\0S\0\0\0\x0fin_hot\0off\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02";

/// ReadyForQuery, with this state of the transaction.
pub fn ready_for_query(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// A notification.
pub fn notification(name: &str, text: &str) -> Vec<u8> {
    message(b'A', format!("\0\0\0\x01{name}\0{text}\0").as_bytes())
}

/// An error with this SQLSTATE.
pub fn error(code: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SERROR\0VERROR\0C{code}\0M{text}\0\0").as_bytes())
}

/// Columns of texts, by their names.
pub fn columns(names: &[(&str, u32)]) -> Vec<u8> {
    let mut body = u16::try_from(names.len()).expect("a short one").to_be_bytes().to_vec();
    for (name, oid) in names {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0; 7]);
        body.extend_from_slice(&oid.to_be_bytes());
        body.extend_from_slice(&[0; 8]);
    }
    message(b'T', &body)
}

/// A row of texts.
pub fn row(values: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).expect("a short one").to_be_bytes().to_vec();
    for value in values {
        body.extend_from_slice(&u32::try_from(value.len()).expect("a short one").to_be_bytes());
        body.extend_from_slice(value.as_bytes());
    }
    message(b'D', &body)
}

/// The server's answer to the question for its role.
pub fn role(is_standby: bool) -> Vec<u8> {
    greeting(is_standby, PROCESS)
}

/// The same, for a server whose process has this number. If it differs from [`PROCESS`], there is a pooler in
/// between.
pub fn greeting(is_standby: bool, process: &str) -> Vec<u8> {
    let [standby, read_only] = if is_standby { ["t", "on"] } else { ["f", "off"] };
    let values = [standby, read_only, process];
    let columns = columns(&[("pg_is_in_recovery", 16), ("current_setting", 25), ("pg_backend_pid", 23)]);
    [columns, row(&values), message(b'C', b"SELECT 1\0"), ready_for_query(b'I')].concat()
}

/// The answer to a publish.
pub fn published() -> Vec<u8> {
    [message(b'2', b""), row(&[""]), message(b'C', b"SELECT 1\0"), ready_for_query(b'I')].concat()
}

/// The answer to a statement with one row of one number.
pub fn number(n: &str) -> Vec<u8> {
    let parts = [message(b'1', b""), message(b'2', b""), columns(&[("n", 23)]), row(&[n])];
    [parts.concat(), message(b'C', b"SELECT 1\0"), ready_for_query(b'I')].concat()
}
