//! The environment variables as the host sees them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// The environment variables as the host sees them: those of the process, or given ones, so that
/// resolution is a function of its arguments. Rule `resolution.pure`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process. A variable whose name is not UTF-8 cannot be configured and
    /// is left out.
    #[must_use]
    pub fn from_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self(std::env::vars_os().filter_map(named).collect())
    }

    /// Exactly these variables; of several with one name the last counts.
    #[must_use]
    pub fn from_pairs<I, N, V>(pairs: I) -> Self
    where
        I: IntoIterator<Item = (N, V)>,
        N: Into<String>,
        V: Into<OsString>,
    {
        let pairs = pairs.into_iter();
        Self(pairs.map(|(n, v)| (n.into(), v.into())).collect())
    }

    /// These variables but for the named ones.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            self.0.remove(*name);
        }
        self
    }

    /// The value of `name`, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// Whether `name` is set to a value that is more than white space. A value that is not UTF-8
    /// is not blank. Rule `apps-server.bearer-env`.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        let not_blank = |value: &OsString| value.to_str().is_none_or(|v| !v.trim().is_empty());
        self.0.get(name).is_some_and(not_blank)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
