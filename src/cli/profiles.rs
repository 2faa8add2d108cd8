//! The profiles of a check: named, or the one that suits the subject.

use mcp_overlay::releases::{fit, telling_cases};
use mcp_overlay::report::progress::Progress;
use mcp_overlay_model::Profile;

use super::console::{self, Misuse, say};
use super::selected::SelectedSubject;

/// The profiles that `--profile` asks for.
#[derive(Clone, Debug)]
pub(super) enum Profiles {
    /// The one that suits the subject.
    Auto,
    /// All that the subject lists; every profile for a subject that lists none.
    All,
    /// These.
    Named(Vec<Profile>),
}

impl Profiles {
    /// Reads the value of `--profile`.
    pub(super) fn read(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Profiles::Auto),
            "all" => Ok(Profiles::All),
            name => match console::profile(name) {
                Ok(profile) => Ok(Profiles::Named(vec![profile])),
                Err(error) => Err(format!("{error}, auto, all")),
            },
        }
    }

    /// The profiles that every subject has to know.
    pub(super) fn named(&self) -> &[Profile] {
        match self {
            Profiles::Auto | Profiles::All => &[],
            Profiles::Named(profiles) => profiles,
        }
    }

    /// Whether there may be more than one.
    pub(super) fn are_several(&self) -> bool {
        match self {
            Profiles::Auto => false,
            Profiles::All => true,
            Profiles::Named(profiles) => profiles.len() > 1,
        }
    }

    /// The profiles to check a subject against.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn of(&self, subject: &SelectedSubject) -> Result<Vec<Profile>, Misuse> {
        match (self, subject) {
            (Profiles::Named(profiles), _) => Ok(profiles.clone()),
            (Profiles::All, SelectedSubject::Stdio(driver)) => Ok(driver.profiles().into()),
            (Profiles::All, _) => Ok(Profile::ALL.into()),
            (Profiles::Auto, SelectedSubject::BlackBox(_)) => Ok(vec![best(subject)?]),
            (Profiles::Auto, SelectedSubject::Stdio(driver)) => {
                let preferred = driver.preferred_profile();
                say_what_is_left(driver.profiles(), preferred)?;
                Ok(vec![preferred])
            }
            (Profiles::Auto, _) => Ok(vec![Profile::default()]),
        }
    }
}

/// Says that a subject lists other profiles, which are not checked.
fn say_what_is_left(listed: &[Profile], checked: Profile) -> Result<(), Misuse> {
    let others = listed.iter().filter(|profile| **profile != checked).count();
    if others == 0 {
        return Ok(());
    }
    let profiles = if others == 1 {
        "profile that the subject lists"
    } else {
        "profiles that the subject lists"
    };
    say(&format!(
        "checked against {}, and not against the {others} other {profiles}: see --profile all\n\n",
        checked.name()
    ))?;
    Ok(())
}

/// Asks a running host which profile it fits best, and says so.
fn best(subject: &SelectedSubject) -> Result<Profile, Misuse> {
    let driver = subject.driver();
    let cases = telling_cases(driver);
    let progress = Progress::new("which profile fits", Some(cases.len() as u64));
    let fit = fit(driver, &cases, &|done| progress.set(done));
    progress.end();
    driver.restart();
    let best = fit.best();
    let name = driver.name();
    say(&format!("{name}: {fit}\n  to pin it, as CI should: --profile {}\n\n", best.name()))?;
    Ok(best)
}
