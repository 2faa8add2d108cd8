//! The command of a host. The host runs in its own home, so relative paths in the command are made
//! absolute.

use std::path::{Path, absolute};

/// The command with every existing path in it made absolute: the program if it is named by a path,
/// an argument that is a path, and the value of `--option=path`.
///
/// A plain argument such as `app-server` stays, even if this folder has an entry of that name;
/// `./app-server` is a path.
pub(super) fn from_anywhere(command: Vec<String>) -> Vec<String> {
    let mut words = command.into_iter();
    let program = words.next().map(|program| match program.contains('/') {
        true => existing(&program).unwrap_or(program),
        false => program,
    });
    program.into_iter().chain(words.map(argument)).collect()
}

fn argument(word: String) -> String {
    if let Some((option, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        return match path(value) {
            Some(path) => format!("{option}={path}"),
            None => word,
        };
    }
    path(&word).unwrap_or(word)
}

/// The absolute path of an argument that looks like a path and exists.
fn path(word: &str) -> Option<String> {
    let looks_like_one = word.contains('/') || Path::new(word).extension().is_some();
    looks_like_one.then(|| existing(word)).flatten()
}

fn existing(path: &str) -> Option<String> {
    let found = Path::new(path).exists().then(|| absolute(path).ok()).flatten()?;
    found.to_str().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_relative_paths_become_absolute() {
        // Tests run in the package's folder.
        let here = std::env::current_dir().unwrap();
        let at = |path: &str| here.join(path).to_str().unwrap().to_string();
        let command = ["python3", "Cargo.toml", "src/lib.rs", "--config=Cargo.toml", "-c", "a=b"];
        let expected = [
            "python3".into(),
            at("Cargo.toml"),
            at("src/lib.rs"),
            format!("--config={}", at("Cargo.toml")),
        ];
        let words = from_anywhere(command.map(str::to_string).to_vec());
        assert_eq!(words[..4], expected);
        assert_eq!(words[4..], ["-c", "a=b"]);
        assert_eq!(from_anywhere(vec!["./src/lib.rs".into()]), [at("src/lib.rs")]);
    }

    /// A subcommand is not a path, even if a folder has its name.
    #[test]
    fn other_arguments_stay() {
        let command = ["codex", "src", "app-server", "no/such.py", "/no/such", "--x=no/such", "-c"];
        assert_eq!(from_anywhere(command.map(str::to_string).to_vec()), command);
    }
}
