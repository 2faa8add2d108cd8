//! The files that are checked, and their repair.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use mcp_overlay_host::MAX_CONFIG_BYTES;
use mcp_overlay_host::files::{ReadError, Replacement, read_text};
use mcp_overlay_host::lint::{Report, Surroundings, lint, not_utf8, too_large};

use super::super::console::{Misuse, complain};
use super::super::surroundings::{self, Asked};
use super::checked::{Checked, count};
use super::difference;

/// How standard input is named on the command line.
const STANDARD_INPUT: &str = "-";

/// A file that has been read, or standard input.
pub(super) struct Input {
    /// `None` for standard input.
    path: Option<PathBuf>,
    /// Its name for people and machines.
    name: String,
    text: Text,
    given: Surroundings,
}

enum Text {
    Read(String),
    /// The text with a replacement for each byte that is no part of a character, and where the first one is.
    NotUtf8(String, usize),
    TooLarge,
}

impl Input {
    pub(super) fn read(
        path: &Path,
        asked: &Asked,
        requirements: Option<&Path>,
    ) -> Result<Self, Misuse> {
        let path = (path != Path::new(STANDARD_INPUT)).then(|| path.to_owned());
        let name = match &path {
            Some(path) => path.display().to_string(),
            None => "<stdin>".to_owned(),
        };
        let text = text_of(path.as_deref());
        let text = text.map_err(|error| format!("cannot read {name}: {error}"))?;
        let toml = if let Text::Read(text) = &text { text } else { "" };
        let (given, warnings) = surroundings::of(path.as_deref(), toml, asked, requirements)?;
        warnings.iter().for_each(|warning| complain("warning", warning));
        Ok(Self { path, name, text, given })
    }

    /// What is found in it.
    pub(super) fn checked(&self) -> Checked<'_> {
        let report = self.report();
        let fixable = report.fixable();
        Checked { name: &self.name, report, fixable }
    }

    fn report(&self) -> Report<'_> {
        match &self.text {
            Text::Read(text) => lint(text, &self.given),
            Text::NotUtf8(text, at) => not_utf8(text, *at),
            Text::TooLarge => too_large(),
        }
    }

    /// What [`fix`](Self::fix) would change.
    pub(super) fn difference(&self) -> Result<String, Misuse> {
        let old = self.report();
        let fixed = old.fixed()?;
        Ok(match &self.text {
            Text::Read(_) => difference::between(&old, &lint(&fixed.text, &self.given), &self.name),
            _ => format!("{}: --fix would change nothing\n", self.name),
        })
    }

    /// Makes the repairs, and says which it cannot make.
    pub(super) fn fix(&mut self) -> Result<(), Misuse> {
        let Some(path) = &self.path else { return Err("--fix needs a file".into()) };
        let Text::Read(text) = &self.text else { return Ok(()) };
        let report = lint(text, &self.given);
        let fixed = report.fixed().map_err(|error| format!("{}: {error}", self.name))?;
        if fixed.repaired > 0 {
            replace(path, text, &fixed.text)?;
            let many = count(fixed.repaired, "finding");
            complain("fixed", &format!("{}: {many} repaired", self.name));
        }
        if !fixed.left.is_empty() {
            complain("note", &format!("{}: {}", self.name, not_repaired(&report, &fixed.left)));
        }
        self.text = Text::Read(fixed.text);
        Ok(())
    }
}

/// What to say of findings that have a repair that cannot be made.
fn not_repaired(report: &Report<'_>, left: &[usize]) -> String {
    const SHOWN: usize = 5;
    let findings = left.iter().filter_map(|at| report.findings().get(*at));
    let shown = findings.take(SHOWN).map(|finding| match report.place(finding) {
        Some((start, _)) => format!("{} in line {}", finding.key, start.line),
        None => finding.key.clone(),
    });
    let mut which = shown.collect::<Vec<_>>().join(", ");
    if left.len() > SHOWN {
        let _ = write!(which, " and {} more", left.len() - SHOWN);
    }
    let many = count(left.len(), "finding");
    format!(
        "{many} not repaired ({which}): the edit would change other parts, or Codex would refuse the file"
    )
}

fn text_of(path: Option<&Path>) -> Result<Text, ReadError> {
    let bytes = match path {
        Some(path) => match read_text(path, MAX_CONFIG_BYTES) {
            Err(ReadError::NotUtf8) => up_to_limit(std::fs::File::open(path)?)?,
            Err(ReadError::TooLarge(_)) => return Ok(Text::TooLarge),
            read => return read.map(Text::Read),
        },
        None => up_to_limit(std::io::stdin().lock())?,
    };
    if u64::try_from(bytes.len()).is_ok_and(|size| size > MAX_CONFIG_BYTES) {
        return Ok(Text::TooLarge);
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Text::Read(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Text::NotUtf8(String::from_utf8_lossy(error.as_bytes()).into_owned(), at)
        }
    })
}

fn up_to_limit(from: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Replaces the file if nobody changed it meanwhile. A link stays a link.
fn replace(path: &Path, old: &str, new: &str) -> Result<(), Misuse> {
    let place = path.display();
    if read_text(path, MAX_CONFIG_BYTES).ok().as_deref() != Some(old) {
        return Err(format!("{place}: another program changed the file; try again").into());
    }
    let write = || {
        let mut replacement = Replacement::of(path)?;
        replacement.keep_permissions()?;
        replacement.stage(new)?;
        replacement.commit()
    };
    write().map_err(|error| format!("cannot write {place}: {error}").into())
}
