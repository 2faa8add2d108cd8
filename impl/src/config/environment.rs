//! The environment variables that a host sees, and the profile that it resolves by.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::profile::Profile;

/// The environment variables that a host sees, of the process or given, and its [`Profile`].
///
/// They are an argument, so that resolution is a function of its arguments: rule `resolution.pure`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    profile: Profile,
}

impl Environment {
    /// The variables of this process. A variable whose name is not UTF-8 cannot be configured and
    /// is left out.
    #[must_use]
    pub fn from_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self { variables: std::env::vars_os().filter_map(named).collect(), ..Self::default() }
    }

    /// Exactly these variables. The last of several with the same name counts.
    #[must_use]
    pub fn from_pairs<I, N, V>(pairs: I) -> Self
    where
        I: IntoIterator<Item = (N, V)>,
        N: Into<String>,
        V: Into<OsString>,
    {
        let pairs = pairs.into_iter();
        let variables = pairs.map(|(n, v)| (n.into(), v.into())).collect();
        Self { variables, ..Self::default() }
    }

    /// The same variables, for a host that resolves by this profile.
    #[must_use]
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The profile that the host resolves by.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// These variables without the named ones.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            self.variables.remove(*name);
        }
        self
    }

    /// The value of `name`, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str)
    }

    /// Whether `name` is set to a value that is more than white space. A value that is not UTF-8
    /// is not blank. Rule `apps-server.bearer-env`.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        let not_blank = |value: &OsString| value.to_str().is_none_or(|v| !v.trim().is_empty());
        self.variables.get(name).is_some_and(not_blank)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
