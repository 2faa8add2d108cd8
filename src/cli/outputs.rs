//! The files that a report is written to.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use mcp_overlay::files::{folder_of, write_whole};
use mcp_overlay::report::strength::Matrix;
use mcp_overlay::report::{Report, github, html, json, junit};

use super::console::{Misuse, say};

/// Options for report files, in addition to the terminal.
#[derive(clap::Args)]
pub(crate) struct ReportArguments {
    /// Write the report as JSON Lines, for `merge` and other programs (docs/reports.md)
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    json: Option<PathBuf>,

    /// Write the report as JUnit XML, one test case per rule
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    junit: Option<PathBuf>,

    /// Write the report as one HTML page
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    html: Option<PathBuf>,

    /// Print GitHub Actions annotations, and append to the step summary if GITHUB_STEP_SUMMARY is
    /// set
    #[arg(long, help_heading = "Reports")]
    github: bool,
}

impl ReportArguments {
    /// Checks that the files can be written, before minutes of work, and removes those of an
    /// earlier run, so that its verdict is not mistaken for this run's.
    pub(crate) fn check(&self) -> Result<(), Misuse> {
        let named = [("--json", &self.json), ("--junit", &self.junit), ("--html", &self.html)];
        let named = named.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?)));
        let mut seen = BTreeMap::new();
        for (flag, path) in named {
            can_be_written(flag, path)?;
            if let Some(other) = seen.insert(path, flag) {
                let path = path.display();
                return Err(format!("{other} and {flag} both name {path}").into());
            }
        }
        for path in seen.into_keys().filter(|path| path.exists()) {
            std::fs::remove_file(path)
                .map_err(|error| format!("cannot replace {}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// Writes the report of the subject at `position`; the file names of all subjects but the first
    /// include the number.
    pub(crate) fn write(&self, report: &Report, position: usize) -> Result<(), Misuse> {
        if let Some(path) = &self.json {
            let mut bytes = Vec::new();
            json::write(report, &mut bytes)?;
            write(&numbered(path, position), &bytes)?;
        }
        if let Some(path) = &self.junit {
            let mut bytes = Vec::new();
            junit::write(report, &mut bytes)?;
            write(&numbered(path, position), &bytes)?;
        }
        if let Some(path) = &self.html {
            let page = html::render(report, Some(Matrix::committed()));
            write(&numbered(path, position), page.as_bytes())?;
        }
        if self.github {
            say(&github::annotations(report))?;
            if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") {
                append(Path::new(&path), &github::summary(report))?;
            }
        }
        Ok(())
    }
}

/// Checks early that a file can be written at the end of a run.
pub(crate) fn can_be_written(flag: &str, path: &Path) -> Result<(), Misuse> {
    let folder = folder_of(path);
    if path.is_dir() {
        return Err(format!("{flag} {}: a folder; expected a file's name", path.display()).into());
    }
    if !folder.is_dir() {
        let (path, folder) = (path.display(), folder.display());
        return Err(format!("{flag} {path}: there is no folder {folder}; make it first").into());
    }
    Ok(())
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Misuse> {
    let written = write_whole(path, bytes);
    written.map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

fn append(path: &Path, text: &str) -> Result<(), Misuse> {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        format!("cannot write the step summary {}: {error}", path.display()).into()
    })
}

/// `report.html`, `report-2.html`, `report-3.html`.
fn numbered(path: &Path, position: usize) -> PathBuf {
    if position == 0 {
        return path.to_path_buf();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{}.{}", position + 1, extension.to_string_lossy()),
        None => format!("{stem}-{}", position + 1),
    };
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_its_own_files() {
        let names = [0, 1, 2].map(|position| numbered(Path::new("out/a.b.xml"), position));
        assert_eq!(names, ["out/a.b.xml", "out/a.b-2.xml", "out/a.b-3.xml"].map(PathBuf::from));
        assert_eq!(numbered(Path::new("report"), 1), Path::new("report-2"));
    }
}
