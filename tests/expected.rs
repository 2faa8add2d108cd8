//! Expected failures: what they excuse, what they never excuse, and that they must still fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics fails, as it should")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mcp_overlay::campaign::{self, Event, Phase, Reporter};
use mcp_overlay::finding::expected::Expected;
use mcp_overlay::report::expected_failures::Naming;
use mcp_overlay::report::{Report, RuleStatus, RunVerdict, expected_failures};
use mcp_overlay::subject::{
    Driver, Failure, Form, InProcess, Patient, ProductionSubject, Reply, Route, Steps, SubjectKind,
    Trace, Watch, ask_one,
};
use mcp_overlay::{Options, Subject, check};
use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::observe::observed;
use mcp_overlay_model::{Answer, Auth, Case, Level, Rule, resolve_by};

/// A subject that lets API keys pass the gate, drops plugin owners, gives the Apps server another path, or
/// panics.
#[derive(Default)]
struct Faulty {
    api_key_passes: bool,
    forgets_owners: bool,
    another_path: bool,
    dies: bool,
}

impl Subject for Faulty {
    fn name(&self) -> &str {
        "a \"faulty\" subject\nof two lines"
    }

    fn resolve(&self, case: &Case) -> Answer {
        let mut case = case.clone();
        if self.dies && case.auth == Some(Auth::AgentIdentity) {
            std::panic::panic_any("dead");
        }
        if self.api_key_passes && case.auth == Some(Auth::ApiKey) {
            case.auth = Some(Auth::ChatGpt);
        }
        let mut answer = ProductionSubject.resolve(&case);
        if let (true, Answer::Resolved { plugin_owners, .. }) = (self.forgets_owners, &mut answer) {
            plugin_owners.clear();
        }
        if let (true, Answer::Resolved { views, .. }) = (self.another_path, &mut answer) {
            for view in [&mut views.runtime, &mut views.effective] {
                let fields =
                    view.get_mut("codex_apps").and_then(|s| Arc::make_mut(s).as_object_mut());
                for url in fields.into_iter().filter_map(|fields| fields.get_mut("url")) {
                    *url = url.as_str().unwrap().replace("/ps/mcp", "/mcp").into();
                }
            }
        }
        answer
    }
}

fn run(subject: &Faulty, expected: Expected) -> Report {
    let phases = BTreeSet::from([Phase::Vectors, Phase::Random]);
    let options = Options { phases, cases: Some(500), expected, whole: true, ..Options::default() };
    check(subject, &options).unwrap()
}

fn expect(entries: &str) -> Expected {
    Expected::parse(entries, "known.toml").unwrap()
}

const GATE: &str = "[[expected]]\nrule = \"gate.open\"\nreason = \"issue 17\"\n";
const OWNERS: &str = "[[expected]]\nrule = \"configured.owners-exact\"\nreason = \"issue 18\"\n";

#[test]
fn an_expected_failure_does_not_fail_the_run() {
    let broken = Faulty { api_key_passes: true, ..Faulty::default() };
    let report = run(&broken, Expected::default());
    assert_eq!(report.verdict(), RunVerdict::Findings);
    let rules: BTreeSet<_> = report.findings.iter().map(|f| f.finding.rule).collect();
    assert_eq!(rules, BTreeSet::from([Some(Rule::GateOpen)]));

    let report = run(&broken, expect(GATE));
    assert_eq!(report.verdict(), RunVerdict::NoDisagreement, "{}", report.to_text());
    assert_eq!(report.status(Rule::GateOpen), RuleStatus::Expected);
    assert!(report.headline().contains("expected failures and no other"), "{}", report.headline());
    assert!(report.failures() > 30, "they are counted all the same");
}

#[test]
fn another_failure_is_not_hidden_by_an_expected_one() {
    let broken = Faulty { api_key_passes: true, forgets_owners: true, ..Faulty::default() };
    let report = run(&broken, expect(GATE));
    assert_eq!(report.verdict(), RunVerdict::Findings);
    assert_eq!(report.status(Rule::GateOpen), RuleStatus::Expected);
    assert_eq!(report.status(Rule::ConfiguredOwnersExact), RuleStatus::Fail);
    assert!(run(&broken, expect(&format!("{GATE}{OWNERS}"))).has_no_disagreement());
}

#[test]
fn an_expected_failure_that_passes_fails_the_run() {
    let report = run(&Faulty::default(), expect(GATE));
    assert_eq!(report.verdict(), RunVerdict::Findings);
    assert_eq!(report.unmet().map(|unmet| unmet.what).collect::<Vec<_>>(), ["gate.open"]);
    let broken = Faulty { api_key_passes: true, ..Faulty::default() };
    let unknown = "[[expected]]\nfinding = \"gate.open-000000000000\"\nreason = \"gone\"\n";
    let report = run(&broken, expect(&format!("{GATE}{unknown}")));
    assert_eq!(report.verdict(), RunVerdict::Findings, "an entry that matches nothing");
}

#[test]
fn a_crash_is_never_expected() {
    let broken = Faulty { dies: true, ..Faulty::default() };
    std::panic::set_hook(Box::new(|_| {}));
    let report = run(&broken, Expected::default());
    let id = &report.findings.first().unwrap().id;
    assert!(id.starts_with("crashed-"), "{id}");
    let entry = format!("[[expected]]\nfinding = \"{id}\"\nreason = \"it does that\"\n");
    let refused = Expected::parse(&entry, "known.toml").unwrap_err().to_string();
    assert!(refused.contains("can never be expected"), "{refused}");
}

/// A list written from a run excuses exactly the failures of that run.
#[test]
fn a_written_list_excuses_exactly_its_run() {
    let broken = Faulty { api_key_passes: true, forgets_owners: true, ..Faulty::default() };
    let report = run(&broken, Expected::default());
    for naming in [Naming::ByFinding, Naming::ByRule] {
        let written = expected_failures::write(&report, naming, &Expected::default());
        let again = run(&broken, expect(&written));
        assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
        assert!(again.expectations.iter().all(|expectation| expectation.met > 0));
        let other = Faulty { api_key_passes: true, ..Faulty::default() };
        assert_eq!(run(&other, expect(&written)).verdict(), RunVerdict::Findings);
    }
}

/// A scenario that fails because of the path must not be expected as one about the gate: the path hides
/// what the gate does.
#[test]
fn a_list_for_a_wrong_url_does_not_excuse_an_open_gate() {
    let wrong = Faulty { another_path: true, ..Faulty::default() };
    let first = connect(&wrong, Expected::default());
    assert_eq!(first.status(Rule::GateOpen), RuleStatus::Pass, "{}", first.to_text());
    assert!(first.scenarios.is_empty(), "{}", first.to_text());
    for naming in [Naming::ByFinding, Naming::ByRule] {
        let written = expected_failures::write(&first, naming, &Expected::default());
        let gate = expect(&written).entries().iter().any(|entry| entry.what().starts_with("gate"));
        assert!(!gate, "{written}");
        let again = connect(&wrong, expect(&written));
        assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
        let open = Faulty { api_key_passes: true, another_path: true, ..Faulty::default() };
        let report = connect(&open, expect(&written));
        assert_eq!(report.verdict(), RunVerdict::Findings, "{}", report.to_text());
        assert_eq!(report.status(Rule::GateOpen), RuleStatus::Fail, "{}", report.to_text());
    }
}

/// Real connections. The cases are small, so that shrinking takes little time on a busy machine.
fn connect(subject: &Faulty, expected: Expected) -> Report {
    let phases = BTreeSet::from([Phase::Endpoint]);
    let options = Options { phases, expected, whole: true, ..Options::default() };
    check(subject, &options).unwrap()
}

/// Counts the cases that are shrunk.
#[derive(Default)]
struct Shrunk(usize);

impl Reporter for Shrunk {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Investigating { failing, .. } = event {
            self.0 += failing;
        }
    }
}

#[test]
fn known_failures_are_not_shrunk_again() {
    let run = |expected| {
        let broken = Faulty { api_key_passes: true, ..Faulty::default() };
        let phases = BTreeSet::from([Phase::Vectors]);
        let options = Options { phases, expected, whole: true, ..Options::default() };
        let mut shrunk = Shrunk::default();
        let report = campaign::run(&InProcess(broken), &options, &mut shrunk).unwrap();
        (report, shrunk.0)
    };
    let (first, shrunk) = run(Expected::default());
    assert!(shrunk > 0);
    let written = expected_failures::write(&first, Naming::ByFinding, &Expected::default());
    let (again, again_shrunk) = run(expect(&written));
    assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
    // Those that differ by another rule of the gate are examined: they might be another failure.
    assert!(again_shrunk < shrunk, "{again_shrunk} of {shrunk}");
    assert_eq!(again.failures(), first.failures());
    let counted: u64 = again.findings.iter().map(|found| found.finding.count).sum();
    assert_eq!(counted, first.failures(), "each is counted once");
}

/// Loses the `args` of every server of the effective view, and the `cwd` of a few.
struct Loses {
    cwd: bool,
}

impl Subject for Loses {
    fn name(&self) -> &str {
        "loses"
    }

    fn resolve(&self, case: &Case) -> Answer {
        let mut answer = ProductionSubject.resolve(case);
        if let Answer::Resolved { views, .. } = &mut answer {
            for server in views.effective.values_mut() {
                if let Some(fields) = Arc::make_mut(server).as_object_mut() {
                    let is_rare = !fields.contains_key("args") && fields.contains_key("env");
                    fields.remove("args");
                    if self.cwd && is_rare {
                        fields.remove("cwd");
                    }
                }
            }
        }
        answer
    }
}

/// Both failures are of one rule, and look alike but for the field.
#[test]
fn an_expected_finding_does_not_excuse_another_one() {
    let of = |cwd, expected| {
        let phases = BTreeSet::from([Phase::Vectors, Phase::Random]);
        let options =
            Options { phases, cases: Some(500), expected, whole: true, ..Options::default() };
        check(&Loses { cwd }, &options).unwrap()
    };
    let args = of(false, Expected::default());
    let written = expected_failures::write(&args, Naming::ByFinding, &Expected::default());
    assert!(written.contains("finding = ") && !written.contains("rule = "), "{written}");
    let again = of(false, expect(&written));
    assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
    let both = of(true, expect(&written));
    assert_eq!(both.verdict(), RunVerdict::Findings, "{}", both.to_text());
    let unexpected = both.findings.iter().filter(|found| found.expected.is_none());
    let mut cases = unexpected.map(|found| serde_json::to_string(&found.finding.case).unwrap());
    assert!(cases.any(|case| case.contains("cwd")), "{}", both.to_text());
}

#[test]
fn rewriting_a_list_keeps_every_reason() {
    let broken = Faulty { api_key_passes: true, forgets_owners: true, ..Faulty::default() };
    let first = run(&broken, Expected::default());
    let mut written = expected_failures::write(&first, Naming::ByFinding, &Expected::default());
    let entries = written.matches("[[expected]]").count();
    for number in 0..entries {
        written = written.replacen(
            "known when this file was written; say why",
            &format!("issue number {number}."),
            1,
        );
    }
    let gone = "[[expected]]\nrule = \"overlay.last-wins\"\nreason = \"was issue 99\"\n";
    let list = expect(&format!("{written}{gone}"));
    let second = run(&broken, list.clone());
    for naming in [Naming::ByFinding, Naming::ByRule] {
        let rewritten = expected_failures::write(&second, naming, &list);
        for number in 0..entries {
            assert!(rewritten.contains(&format!("issue number {number}.")), "{rewritten}");
        }
        assert!(rewritten.contains("# no longer fails: overlay.last-wins: was issue 99"));
        let list = expect(&rewritten);
        let third = run(&broken, list.clone());
        assert_eq!(expected_failures::write(&third, naming, &list), rewritten, "also in a comment");
        let entries = expect(&rewritten);
        assert!(entries.entries().iter().all(|entry| entry.what() != "overlay.last-wins"));
    }
}

/// A list that is written again and again for one subject stays as it is.
#[test]
fn a_list_that_is_written_again_is_the_same() {
    let written = |before: &str| {
        let phases = BTreeSet::from([Phase::Vectors, Phase::Random]);
        let expected = expect(before);
        let options = Options {
            phases,
            cases: Some(2_000),
            expected: expected.clone(),
            whole: true,
            ..Options::default()
        };
        let report = check(&Loses { cwd: true }, &options).unwrap();
        expected_failures::write(&report, Naming::ByFinding, &expected)
    };
    let first = written("");
    assert!(first.matches("finding = ").count() > 1, "{first}");
    let second = written(&first);
    assert_eq!(first, second);
    assert_eq!(written(&second), second);
}

#[test]
fn an_invalid_list_is_refused_with_a_reason() {
    for (list, words) in [
        ("[[expected]]\nrule = \"gate.open\"\n", "missing field `reason`"),
        ("[[expected]]\nrule = \"gate.open\"\nreason = \" \"\n", "entry 1: the reason is empty"),
        (
            "[[expected]]\nreason = \"r\"\n",
            "entry 1: expected one of `rule`, `finding` and `scenario`",
        ),
        ("[[expected]]\nrule = \"gate.ajar\"\nreason = \"r\"\n", "no rule \"gate.ajar\""),
        ("[[expect]]\nrule = \"gate.open\"\nreason = \"r\"\n", "unknown field `expect`"),
        ("[[expected]]\nrule = \"gate.open\"\nwhy = \"r\"\n", "unknown field `why`"),
        (&format!("{GATE}{GATE}"), "entry 2: is there twice"),
        (&format!("{GATE}case = \"{{}}\"\n"), "entry 1: `case` is for an entry with `finding`"),
        (
            "[[expected]]\nfinding = \"x\"\nreason = \"r\"\ncase = \"{\"\n",
            "entry 1: `case` is not a case as JSON: ",
        ),
        ("[[skip]]\nskipped = \"\"\nreason = \"r\"\n", "skip 1: `skipped` is empty"),
        ("[[skip]]\nskipped = \"x\"\nreason = \"\"\n", "skip 1: the reason is empty"),
        ("[[skip]]\nreason = \"r\"\n", "missing field `skipped`"),
        ("rule", "known.toml: "),
    ] {
        let error = Expected::parse(list, "known.toml").unwrap_err().to_string();
        assert!(error.starts_with("known.toml: ") && error.contains(words), "{list}\n{error}");
    }
    assert!(Expected::parse("", "known.toml").unwrap().is_empty());
}

/// A running host that does what upstream does, or loses the `args` of every server, and perhaps the `env`
/// too.
#[derive(Default)]
struct Running {
    is_upstream: bool,
    loses_args: bool,
    loses_env: bool,
    route: Route,
    delay: Duration,
}

impl Running {
    fn answer(&self, case: &Case) -> Answer {
        let rules = case.profile.rules();
        let shoulds = rules.iter().filter(|rule| rule.level() == Level::Should);
        let musts = shoulds.fold(rules, |rules, should| rules.without(should));
        let rules = if self.is_upstream { musts } else { rules };
        let mut answer = observed(case, &resolve_by(case, rules)).answer();
        if let Answer::Observed { seen } = &mut answer {
            for server in seen.values_mut() {
                if self.loses_args {
                    server.args.clear();
                }
                if self.loses_env {
                    server.env.clear();
                }
            }
        }
        answer
    }
}

impl Driver for Running {
    fn name(&self) -> &str {
        if self.route.is_file() { "host 1.0" } else { "host 1.0 (config as arguments)" }
    }
    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        let answer = |case| {
            std::thread::sleep(self.delay);
            Reply::Answered(self.answer(case))
        };
        cases.iter().map(answer).collect()
    }
    fn ask_patiently(&self, case: &Case) -> Patient {
        Patient { reply: ask_one(self, case), late: false }
    }
    fn restart(&self) {}
    fn kind(&self) -> SubjectKind {
        SubjectKind::AppServer
    }
    fn warns(&self) -> bool {
        false
    }
    fn declared(&self) -> Steps {
        Steps::none()
    }
    fn narrow(&self, case: Case) -> Case {
        case
    }
    fn route(&self) -> Route {
        self.route
    }
    fn by_route(&self, _: Route) -> Option<&dyn Driver> {
        None
    }
    fn in_form(&self, _: Form) -> Option<Box<dyn Driver + '_>> {
        None
    }
    fn play_watched(&self, _: &Sequence, _: &mut dyn Watch) -> Option<Result<Trace, Failure>> {
        None
    }
    fn hurry(&self, _: bool) {}
}

/// A list as written, and a reason for each entry: a strict run demands it.
fn with_reasons(report: &Report) -> String {
    let written = expected_failures::write(report, Naming::ByFinding, &Expected::default());
    written.replace("say why", "issue 1")
}

/// A run of a host that is so slow that no case can be made small.
fn run_slowly(host: &Running, seed: u64, expected: Expected) -> (Report, usize) {
    let options = Options {
        phases: BTreeSet::from([Phase::Random]),
        cases: Some(80),
        twice: 0.0,
        seed,
        strict: true,
        whole: true,
        shrinking: Duration::ZERO,
        expected,
        ..Options::default()
    };
    let mut shrunk = Shrunk::default();
    let report = campaign::run(host, &options, &mut shrunk).unwrap();
    (report, shrunk.0)
}

/// What a case comes to differs from run to run then, so the id of its finding says little.
#[test]
fn a_known_failure_of_a_slow_host_is_recognised_under_every_seed() {
    let host = Running { loses_args: true, ..Running::default() };
    let (first, _) = run_slowly(&host, 1, Expected::default());
    assert!(!first.findings.is_empty());
    assert!(first.findings.iter().all(|found| !found.finding.is_smallest()));
    let written = with_reasons(&first);
    let entries = written.matches("[[expected]]").count();
    assert_eq!(written.matches("\ncase = ").count(), entries, "{written}");
    for seed in 2..8 {
        let (again, _) = run_slowly(&host, seed, expect(&written));
        assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
        assert_eq!(again.findings.len(), first.findings.len(), "none besides those of the list");
    }
    let other = Running { loses_env: true, ..host };
    let (other, _) = run_slowly(&other, 3, expect(&written));
    assert_eq!(other.verdict(), RunVerdict::Findings, "{}", other.to_text());
}

#[test]
fn known_advisories_are_not_shrunk_again() {
    let host = Running { is_upstream: true, ..Running::default() };
    let (first, shrunk) = run_slowly(&host, 1, Expected::default());
    assert!(shrunk > 0 && first.findings.iter().all(|found| found.finding.is_advisory()));
    let written = with_reasons(&first);
    let (again, shrunk) = run_slowly(&host, 2, expect(&written));
    assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
    assert_eq!(shrunk, 0, "{written}");
}

#[test]
fn a_finding_says_how_the_host_was_given_its_config() {
    let host = Running { is_upstream: true, route: Route::Arguments, ..Running::default() };
    let (report, _) = run_slowly(&host, 1, Expected::default());
    assert!(report.findings.iter().all(|found| found.finding.delivery == Route::Arguments));
    let saved = serde_json::to_value(&report.findings[0].finding).unwrap();
    assert_eq!(saved["delivery"], "arguments");
    let written = with_reasons(&report);
    assert!(written.contains("\ndelivery = \"arguments\"\n"), "{written}");
    let (again, _) = run_slowly(&host, 2, expect(&written));
    assert!(again.has_no_disagreement(), "{written}\n{}", again.to_text());
}

/// An entry that a narrowed run did not look at has neither failed nor passed.
#[test]
fn what_a_narrowed_run_leaves_out_is_not_asked() {
    let entries = "[[expected]]\nscenario = \"lifecycle.signed-out\"\nreason = \"issue 1\"\n\
        [[expected]]\nrule = \"lifecycle.restarts\"\nreason = \"issue 2\"\n\
        [[expected]]\nfinding = \"lifecycle.restarts-000000000000\"\nreason = \"issue 3\"\n\
        [[expected]]\nscenario = \"the gate, closed\"\nreason = \"issue 4\"\n";
    let list = expect(entries);
    let report = run(&Faulty::default(), list.clone());
    assert!(report.has_no_disagreement(), "{}", report.to_text());
    assert_eq!((report.unmet().count(), report.not_asked().count()), (0, 4));
    let kept = expected_failures::write(&report, Naming::ByFinding, &list);
    assert_eq!(expect(&kept).entries(), list.entries(), "{kept}");
}

/// The numbers that the progress shows.
#[derive(Default)]
struct Shown(BTreeSet<u64>);

impl Reporter for Shown {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Progress { done } = event {
            self.0.insert(*done);
        }
    }
}

/// A host that takes its time: nobody should look at "0 of 60" until all are done.
#[test]
fn the_progress_of_a_slow_host_moves_with_its_cases() {
    let host = Running { delay: Duration::from_millis(50), ..Running::default() };
    let phases = BTreeSet::from([Phase::Random]);
    let options = Options { phases, cases: Some(60), twice: 0.0, ..Options::default() };
    let mut shown = Shown::default();
    campaign::run(&host, &options, &mut shown).unwrap();
    assert!(shown.0.iter().any(|done| (1..60).contains(done)), "{:?}", shown.0);
}
