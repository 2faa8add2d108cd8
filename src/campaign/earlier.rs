//! The findings that earlier runs saved. What fails no more is removed; what still fails is a finding
//! of this run too, whatever its own cases were.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::run::Run;
use crate::finding::investigate::Asked;
use crate::finding::{FORMAT, Finding};
use crate::judge::verdict::Verdict;
use crate::report::Event;

/// The most files to ask again. A folder with more is not this tool's alone.
const MOST: usize = 500;

/// The longest file to read, in bytes.
const LONGEST: u64 = 8 << 20;

/// The time for all of them.
pub(super) const TIME: Duration = Duration::from_secs(30);

impl Run<'_> {
    /// Asks the findings of earlier runs again that this one did not find. Returns how many no longer
    /// fail, and are removed.
    pub(super) fn ask_earlier_findings(&mut self) -> u64 {
        let Some(folder) = self.options.findings.clone() else { return 0 };
        let until = Instant::now() + TIME;
        let mut removed = 0;
        let saved = read_all::<Finding>(&folder);
        if !saved.is_empty() {
            let (what, total) = ("saved findings", saved.len() as u64);
            self.reporter.event(&Event::Asking { what, total });
        }
        for (done, (path, finding)) in (1..).zip(saved) {
            self.reporter.event(&Event::Progress { done });
            if Instant::now() >= until || self.restarts.gave_up() {
                break;
            }
            if !self.is_about_this(&finding) || self.has_found(&finding) {
                continue;
            }
            let Some(now) = self.asked_now(&finding) else { continue };
            let is_same = now.as_ref().is_some_and(|now| now.id() == finding.id());
            if !is_same && fs::remove_file(&path).is_ok() && now.is_none() {
                removed += 1;
            }
            if let Some(now) = now {
                self.found(Finding { count: finding.count, ..now });
            }
        }
        removed
    }

    fn is_about_this(&self, finding: &Finding) -> bool {
        finding.finding == FORMAT
            && finding.case.profile == self.options.profile
            && without_version(&finding.subject) == without_version(self.driver.name())
    }

    fn has_found(&self, finding: &Finding) -> bool {
        let id = finding.id();
        self.report.findings.iter().any(|found| found.id == id)
    }

    /// How the case fails now, if it does; `None` if nothing can be said.
    fn asked_now(&self, finding: &Finding) -> Option<Option<Finding>> {
        let driver = finding.delivery.of(self.driver)?;
        let in_form = match finding.form {
            Some(form) => Some(driver.in_form(form)?),
            None => None,
        };
        let driver = in_form.as_deref().unwrap_or(driver);
        let asked = Asked::again(driver, finding);
        if matches!(asked.verdict(), Verdict::NotComparable(_)) {
            return None;
        }
        let mut now = asked.describe(driver);
        if let (Some(form), Some(now)) = (finding.form, &mut now) {
            now.blame_form(form);
        }
        Some(now)
    }
}

/// The files of a folder that can be read as this, in the order of their names.
pub(super) fn read_all<T: DeserializeOwned>(folder: &Path) -> Vec<(PathBuf, T)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).take(MOST).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let is_short = fs::metadata(&path).ok()?.len() <= LONGEST;
        let text = is_short.then(|| fs::read(&path).ok())??;
        Some((path, serde_json::from_slice(&text).ok()?))
    };
    paths.into_iter().filter_map(read).collect()
}

/// The name of a program without its version, which changes when a fault is mended, and without the way
/// in which it is given its config.
pub(super) fn without_version(name: &str) -> &str {
    let (name, _) = name.split_once(" (config ").unwrap_or((name, ""));
    match name.rsplit_once(' ') {
        Some((program, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => program,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_compared_without_its_version() {
        assert_eq!(without_version("my host 1.2.0"), "my host");
        assert_eq!(without_version("my host"), "my host");
        assert_eq!(without_version("host"), "host");
        assert_eq!(without_version("my host 1.2.0 (config as arguments)"), "my host");
    }
}
