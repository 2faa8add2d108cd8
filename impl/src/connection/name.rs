//! Valid names of servers.

/// The maximum length of a server name: its tools are named `mcp__server__tool`.
pub const MAX_NAME_LEN: usize = 64;

/// Whether this is a valid server name: 1 to [`MAX_NAME_LEN`] ASCII letters, digits, `_` and `-`.
pub(super) fn is_valid_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !name.is_empty() && name.len() <= MAX_NAME_LEN && name.bytes().all(allowed)
}
