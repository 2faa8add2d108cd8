//! The phase `wire`: the same cases in every form in which a request can be written.

use std::collections::BTreeMap;
use std::time::Instant;

use mcp_overlay_model::Case;
use serde_json::{Value, json};

use super::error::Error;
use super::run::Run;
use super::sift::Kind;
use crate::cases::generate::{random_case, random_of};
use crate::finding::Finding;
use crate::finding::investigate::{Failing, examine};
use crate::judge::ask;
use crate::report::{Event, Phase, PhaseReport};
use crate::subject::{Driver, Form};

/// The number of random cases in each form.
const RANDOM: u64 = 11;

/// The same in the forms that are about the members of a case.
const RANDOM_MEMBERS: u64 = 40;

/// The seed of these cases. It is fixed, so that every run sends the same lines.
const SEED: u64 = 1;

/// The number of cases in a form with long lines, many requests or a process for each batch.
const FEW: u64 = 2;

/// How often a subject may break down in a form. The next form gets a new process.
const BREAKDOWNS: u32 = 2;

/// The number of cases in a form.
fn count(form: Form) -> u64 {
    match form {
        Form::LongLine | Form::FarAhead | Form::Stop | Form::EndOfInput => FEW,
        Form::MemberOrder
        | Form::DuplicateMembersOfCase
        | Form::AbsentMembers
        | Form::NullMembers
        | Form::Escapes => written().len() as u64 + RANDOM_MEMBERS,
        _ => written().len() as u64 + RANDOM,
    }
}

fn case(index: u64, random: fn(u64, u64) -> Case) -> Option<Case> {
    let written = written();
    match written.get(index as usize) {
        Some(case) => serde_json::from_value(case.clone()).ok(),
        None => Some(random(SEED, index - written.len() as u64)),
    }
}

/// Cases with what the forms are about: texts of all planes, optional members, many members, and numbers.
fn written() -> [Value; 12] {
    let texts = json!({"command": "caf\u{e9}", "args": ["\u{1f980}", "\"\\\n\t/", "\u{2028}"]});
    let docs = json!({"url": "https://a.example/mcp", "http_headers": {"x-a": "1"}});
    // Of so many members, a reader may keep those of one name in another order.
    let many: BTreeMap<String, String> =
        (0..40).map(|number| (format!("V{number}"), number.to_string())).collect();
    [
        json!({"auth": "chatgpt", "host": {"mcp_servers": {"docs\u{1f980}": texts}}}),
        json!({"host": {"mcp_servers": {"a": {}}}}),
        json!({"plugins": [{"id": "p1", "mcp_servers": {"a": {"command": "c"}}}, {"id": "p2"}]}),
        json!({
            "host": {"mcp_servers": {"a": {"command": "c"}, "b": docs}}, "auth": "api_key",
            "contributors": [
                {"id": "hosted-apps", "hosted_apps": {}},
                {"id": "x", "contributions": [
                    {"set": {"name": "c", "server": docs}}, {"remove": {"name": "a"}},
                ]},
            ],
        }),
        json!({}),
        json!({"host": {"mcp_servers": {"many": {"command": "c", "env": many}}}}),
        json!({"host": {"mcp_servers": {
            "whole": {"command": "c", "startup_timeout_sec": 1000.0, "tool_timeout_sec": 0.25},
            "odd": {"url": "https://a.example/mcp", "startup_timeout_sec": 1e-7, "tool_timeout_sec": 1e15},
        }}}),
        json!({"host": {"mcp_servers": {"a": {"command": "c", "startup_timeout_ms": 1000.0}}}}),
        // Of two members that say the same thing, the place does not decide.
        json!({"auth": "chatgpt", "host": {"features": {"connectors": false, "apps": true}}}),
        json!({"host": {"mcp_servers": {
            "a": {"command": "c", "startup_timeout_ms": 9000, "startup_timeout_sec": 5},
        }}}),
        json!({"plugins": [{"id": "p", "mcp_servers": {
            "a": {"url": "https://a.example", "oauth": {"clientId": "x", "client_id": "own"}},
        }}]}),
        json!({"host": {"mcp_servers": {"a": {"command": "c", "startup_timeout_ms": 2_f64.powi(64)}}}}),
    ]
}

impl Run<'_> {
    pub(super) fn wire(&mut self) -> Result<(), Error> {
        let shard = self.options.shard;
        let total = Form::ALL.into_iter().map(|form| shard.share(count(form))).sum();
        self.reporter.event(&Event::PhaseStarted { phase: Phase::Wire, total: Some(total) });
        let started = Instant::now();
        let (slow_before, shrunk_before) = (self.restarts.late().slow(), self.shrunk_seconds());
        let mut report = PhaseReport {
            phase: Phase::Wire,
            cases: 0,
            asked_again: 0,
            not_comparable: 0,
            brought_within_reach: None,
            failures: 0,
            cut_short: false,
            slow: 0,
            turns: None,
            searched: None,
            seconds: 0.0,
        };
        for form in Form::ALL {
            self.form(form, &mut report)?;
        }
        report.slow = self.restarts.late().slow() - slow_before;
        report.seconds = self.seconds_since(started, shrunk_before);
        self.phase_ended(report);
        Ok(())
    }

    /// Judges the cases in one form, and adds the counts to `report`.
    fn form(&mut self, form: Form, report: &mut PhaseReport) -> Result<(), Error> {
        let plain = self.driver;
        let Some(driver) = plain.in_form(form) else {
            return Err(Error::NoWire);
        };
        let profile = self.options.profile;
        let random = match self.driver.knows_wide_cases() {
            true => random_of(profile),
            false => random_case,
        };
        let case_of = |index| Some(plain.narrow(Case { profile, ..case(index, random)? }));
        let total = self.options.shard.share(count(form));
        let own = self.restarts.of_part(BREAKDOWNS);
        let tally = self.tally(&*driver, Phase::Wire, Some(total), None, Some(&own), case_of)?;
        report.cases += tally.cases;
        report.asked_again += tally.asked_again;
        report.not_comparable += tally.skips.count();
        report.failures += tally.failures;
        report.cut_short |= tally.cases < total;
        self.report.rules.merge(&tally.rules);
        self.report.skips.merge(&tally.skips);
        self.count_explained(tally.explained);
        let (started, mut failed) = (Instant::now(), 0);
        let deadline = started + self.options.shrinking;
        for kinds in [tally.sieve.into_kinds(), tally.advisories.into_kinds()] {
            for Kind { count, first, .. } in kinds {
                let mut others = count - first.len() as u64;
                failed += first.len();
                for failing in first {
                    if let Some(mut finding) = of_form(plain, &*driver, form, &failing, deadline) {
                        finding.count += std::mem::take(&mut others);
                        self.found(finding);
                    }
                }
            }
        }
        self.shrank(failed, started);
        driver.restart();
        Ok(())
    }
}

/// Describes a failing case. The form is to blame only if the subject is right without it.
fn of_form(
    plain: &dyn Driver,
    driver: &dyn Driver,
    form: Form,
    failing: &Failing,
    deadline: Instant,
) -> Option<Finding> {
    plain.restart();
    let verdict = ask(plain, &failing.case).verdict;
    if !failing.verdict.is_failure() || verdict.is_failure() {
        return examine(plain, &Failing { verdict, ..failing.clone() }, deadline);
    }
    let mut finding = examine(driver, failing, deadline)?;
    finding.blame_form(form);
    Some(finding)
}
