//! Atomic file writes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Writes a temporary file beside `path`, then renames it, so that no reader sees half a file. The
/// umask decides its permissions, as for any new file.
///
/// # Errors
/// File system errors.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has permissions to set"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder_of(path))?;
    beside.write_all(bytes)?;
    beside.persist(path).map(drop).map_err(|error| error.error)
}

/// Writes a value as JSON for people into a folder, which is made if it is not there.
///
/// # Errors
/// File system errors.
pub fn save_json(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    let path = folder.join(name);
    write_whole(&path, &text)?;
    Ok(path)
}

/// The folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_atomically_with_default_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        write_whole(&path, b"a long first text").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let other = folder.path().join("other");
            std::fs::write(&other, b"").unwrap();
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&path), mode(&other));
        }
        assert!(write_whole(&folder.path().join("no/such"), b"").is_err());
    }
}
