//! Errors of the sign-in. Of the file's content they hold only names of fields.

/// Why an `auth.json` cannot be used: which file, what is wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}; {remedy}")]
pub struct AuthFileError {
    file: String,
    problem: String,
    remedy: &'static str,
}

/// What a user can do about an invalid file.
const REPAIR: &str =
    "you count as signed out until you repair it or sign in again with `codex login`";

impl AuthFileError {
    pub(super) fn invalid(file: &str, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), problem: problem.into(), remedy: REPAIR }
    }

    pub(super) fn new(file: &str, problem: &str, remedy: &'static str) -> Self {
        Self { file: file.to_owned(), problem: problem.to_owned(), remedy }
    }

    /// What is wrong, without the file and the advice.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// Why a sign-in could not be deleted: the user is still signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: cannot be deleted: {reason}; you are still signed in, so delete it yourself")]
pub struct LogoutError {
    pub(super) file: String,
    pub(super) reason: String,
}
