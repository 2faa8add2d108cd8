//! Which profile a host fits, if none is asked for.

use std::time::Duration;

use mcp_overlay::releases::{fit, telling_cases};
use mcp_overlay::subject::Driver;
use mcp_overlay::subject::stdio::Patience;
use mcp_overlay_model::{Case, Profile};

use crate::command_line::{check, text};
use crate::over_time::start;
use crate::{Hosts, PATIENCE};

/// Profiles that differ in wide cases only, which a running host is not asked.
const ALIKE: [&[Profile]; 2] = [
    &[Profile::CodexPr27414, Profile::CodexPr27634, Profile::CodexPr27607, Profile::CodexPr27893],
    &[Profile::CodexPr31803, Profile::CodexPr31481],
];

#[test]
fn each_profile_is_recognised() {
    for profile in Profile::ALL {
        let host = start("none", profile);
        let cases = telling_cases(&host);
        let fit = fit(&host, &cases, &|_| {});
        assert_eq!(fit.asked, cases.len() as u64, "{fit}");
        let best = fit.ranking.iter().take_while(|(_, agreeing)| *agreeing == fit.asked);
        let best: Vec<Profile> = best.map(|(profile, _)| *profile).collect();
        let alike = ALIKE.iter().find(|alike| alike.contains(&profile));
        assert_eq!(best, alike.map_or(vec![profile], |alike| alike.to_vec()), "{fit}");
        assert!(cases.len() >= 20, "only {} cases", cases.len());
    }
}

#[test]
fn the_command_line_says_what_fits_and_how_to_pin_it() {
    let hosts = Hosts::new();
    let command = hosts.command("none").join(" ");
    let output = check(&hosts, &["--app-server", &command, "--only", "random", "--cases", "1"]);
    let text = text(&output);
    let profile = Profile::default().name();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(&format!("fits {profile} (")), "{text}");
    assert!(text.contains(&format!("to pin it, as CI should: --profile {profile}\n")), "{text}");
    assert!(text.contains(&format!("against {profile},")), "{text}");
}

/// Each case that hangs takes the whole timeout.
#[test]
fn a_host_that_hangs_is_not_asked_all_cases() {
    let hosts = Hosts::new();
    let host = hosts.start_with("hangs", Patience { case: Duration::from_millis(700), ..PATIENCE });
    // It hangs with an API key.
    let case: Case = serde_json::from_value(serde_json::json!({"auth": "api_key"})).unwrap();
    let fit = fit(&host, &vec![host.narrow(case); 45], &|_| {});
    assert!(fit.asked < 10 && fit.asked >= 3, "{fit}");
}
