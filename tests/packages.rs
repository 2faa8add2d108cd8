//! What the published packages contain.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics fails, as it should")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// The packages, each with its folder.
const PACKAGES: [(&str, &str); 3] =
    [("mcp-overlay", "."), ("mcp-overlay-model", "model"), ("mcp-overlay-host", "impl")];

/// The files of a package.
fn files(package: &str) -> BTreeSet<PathBuf> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["package", "--list", "--allow-dirty", "--offline", "-p", package]);
    let listed = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// The path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => assert!(plain.pop(), "{}: outside", path.display()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn each_package_has_what_it_reads_at_compile_time() {
    let mut read = 0;
    for (package, folder) in PACKAGES {
        let files = files(package);
        let sources = files.iter().filter(|file| file.extension().is_some_and(|e| e == "rs"));
        for source in sources {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(source);
            let text = fs::read_to_string(path).unwrap();
            for part in text.split("include_str!(\"").skip(1) {
                let named = part.split('"').next().unwrap();
                let included = plain(&source.parent().unwrap().join(named));
                assert!(files.contains(&included), "{package} lacks {}", included.display());
                read += 1;
            }
        }
    }
    assert!(read >= 5, "only {read} files are read");
    // Those are named by a macro.
    let sequences = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sequences"));
    let packaged = files("mcp-overlay");
    for sequence in sequences.unwrap() {
        let path = Path::new("tests/sequences").join(sequence.unwrap().file_name());
        assert!(packaged.contains(&path), "{}", path.display());
    }
}

#[test]
fn packages_have_a_licence_a_readme_and_no_tests() {
    for (package, _) in PACKAGES {
        let files = files(package);
        for needed in ["LICENSE", "README.md", "Cargo.toml", "src/lib.rs"] {
            assert!(files.contains(Path::new(needed)), "{package} lacks {needed}");
        }
        let is_test = |file: &&PathBuf| {
            file.starts_with("tests") && file.extension().is_some_and(|extension| extension == "rs")
        };
        let left = files.iter().filter(|file| is_test(file) || file.starts_with("benches"));
        assert_eq!(left.count(), 0, "{package}");
    }
}
