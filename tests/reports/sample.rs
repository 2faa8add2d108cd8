//! Sample reports.

use mcp_overlay::campaign::{Options, Phase};
use mcp_overlay::cases::labels::{LABELS, LabelCounts};
use mcp_overlay::finding::expected::{Entry, Expected};
use mcp_overlay::finding::{FORMAT, Finding, FoundDifference};
use mcp_overlay::judge::verdict::FindingKind;
use mcp_overlay::report::strength::{Matrix, MatrixRow};
use mcp_overlay::report::{
    Expectation, Invocation, PhaseReport, Picture, PictureEvent, Report, ReportedFinding,
    RunOptions, ScenarioFailure, Shrinking, Skipped, Skips,
};
use mcp_overlay::rules;
use mcp_overlay::subject::{Route, Steps, SubjectKind};
use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{Case, Rule};
use serde_json::{Value, json};

/// Text that is harmful in HTML, XML, Markdown, a terminal, a workflow log or a shell.
pub(crate) const HOSTILE: &str = "</code></pre></title></style></details>'\"><script>parent.harm=1</script>\
     <img src=x onerror=parent.harm=1>&lt;&amp;]]>\u{0}\u{1b}[31m\u{85}\u{202e}\u{200b}\u{fffe}\u{ffff}\
     \r\n\n::error title=x::y%0A\n``````\n# h\n| a | b |\n- [x](javascript:harm) @somebody \
     https://evil.example www.evil.example $(harm) `harm` {{ harm }} name";

/// A report without failures.
pub(crate) fn clean() -> Report {
    let options = Options::default();
    let mut report = Report::new(run("production", &options), &options.expected);
    report.phases = vec![
        phase(Phase::Vectors, 400, 0, 0.25),
        phase(Phase::Edges, 101_258, 0, 1.0),
        phase(Phase::Exhaustive, 1_445_184, 0, 9.7),
        phase(Phase::Random, 100_000, 0, 1.5),
    ];
    record(&mut report, |_| true);
    report.labels = labels(100_000, 0);
    report
}

/// A report of a run of 20,000 random cases.
pub(crate) fn narrowed() -> Report {
    let options = Options {
        cases: Some(20_000),
        phases: [Phase::Vectors, Phase::Random].into(),
        ..Options::default()
    };
    let mut report = clean();
    report.run = run("production", &options);
    report.phases = vec![phase(Phase::Vectors, 400, 0, 0.25), phase(Phase::Random, 20_000, 0, 1.5)];
    report.rules = Default::default();
    record(&mut report, |rule| !rule.id().starts_with("features."));
    report.labels = labels(20_000, 1);
    report
}

/// A report of a complete run that missed rules and situations, and in which cases were skipped.
pub(crate) fn incomplete() -> Report {
    let skips = "[[skip]]\nskipped = \"no sign-in\"\nreason = \"https://issues.example/19\"\n";
    let options =
        Options { expected: Expected::parse(skips, "known.toml").unwrap(), ..Options::default() };
    let mut report = Report { skips: Skips::new(&options.expected), ..clean() };
    report.phases[2].not_comparable = 1_234;
    report.phases[1].slow = 1;
    let line = |skipped: &str, allowed: Option<&str>, cases: u64| Skipped {
        skipped: skipped.into(),
        allowed: allowed.map(str::to_string),
        cases,
    };
    report.skips.add(line("no sign-in", Some("https://issues.example/19"), 1_000));
    report.skips.add(line(HOSTILE, None, 234));
    report.rules = Default::default();
    record(&mut report, |rule| !rule.id().starts_with("features."));
    report.labels = labels(100_000, 2);
    report
}

/// A report with three findings that count, an expected one, scenarios, and an expectation without
/// a match.
pub(crate) fn failing() -> Report {
    let expected = "[[expected]]\nrule = \"overlay.set-replaces-whole\"\n\
                    reason = \"https://issues.example/17\"\n\
                    [[expected]]\nrule = \"gate.never-synthesizes\"\nreason = \"fixed in spring\"\n";
    let mut options = Options {
        expected: Expected::parse(expected, "expected.toml").unwrap(),
        ..Options::default()
    };
    options.phases.insert(Phase::Endpoint);
    let mut report = clean();
    report.run = run("fork 2.1", &options);
    report.phases = vec![
        PhaseReport { asked_again: 800, ..phase(Phase::Vectors, 400, 3, 0.25) },
        PhaseReport { cut_short: true, ..phase(Phase::Exhaustive, 1_024, 20, 0.125) },
        PhaseReport { not_comparable: 1_200, ..phase(Phase::Random, 100_000, 41, 7.5) },
        phase(Phase::Endpoint, 20, 2, 1.0),
    ];
    report.rules = Default::default();
    record(&mut report, |rule| !rule.id().starts_with("features."));
    report.labels = labels(100_000, 3);
    report.shrinking = Some(Shrinking { cases: 12, seconds: 8.25 });
    report.findings = [gate(), unstable(), hung(), merges()].map(reported).into();
    report.findings[3].expected = Some("https://issues.example/17".into());
    report.scenarios = vec![
        ScenarioFailure {
            phase: Phase::Endpoint,
            advisory: false,
            unconfirmed: false,
            name: "a redirect to another origin".into(),
            rule: None,
            message: "expected: no request to the other origin\nactual: 1 request with a token"
                .into(),
            expected: None,
            picture: None,
            sequence: None,
        },
        ScenarioFailure {
            phase: Phase::Endpoint,
            advisory: false,
            unconfirmed: false,
            name: "the SKU header is sent".into(),
            rule: Some(Rule::AppsServerSkuHeader),
            message: "expected: x-openai-product-sku: tpp\nactual: no such header".into(),
            expected: None,
            picture: None,
            sequence: None,
        },
    ];
    let entries = options.expected.entries().iter().cloned().zip([1, 0]);
    report.expectations = entries.map(|(entry, met)| Expectation { entry, met }).collect();
    report
}

/// A run in which a sequence failed.
pub(crate) fn over_time() -> Report {
    let mut report = failing();
    report.scenarios = vec![signed_out()];
    let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
    report.run.invocation = Some(Invocation {
        command: words(&["mcp-overlay", "check", "--app-server", "codex app-server"]),
        selecting: words(&["--app-server", "codex app-server"]),
        findings: "my findings".into(),
    });
    report
}

/// A call after a sign-out that still carries the credentials.
fn signed_out() -> ScenarioFailure {
    let event = |step, from, to, text: &str, is_wrong| PictureEvent {
        step,
        from,
        to,
        text: text.into(),
        is_wrong,
    };
    ScenarioFailure {
        phase: Phase::Sequences,
        advisory: false,
        unconfirmed: false,
        name: "lifecycle.signed-out".into(),
        rule: Some(Rule::LifecycleSignedOut),
        message: "a sequence of 4 steps".into(),
        expected: None,
        sequence: Some(Sequence::default()),
        picture: Some(Picture {
            lanes: vec!["client".into(), "host".into(), "the Apps server".into()],
            events: vec![
                event(1, 0, 0, "alice signs in (chatgpt): auth.json is written", false),
                event(2, 0, 1, "thread t1 starts: thread/start", false),
                event(2, 1, 0, "success", false),
                event(3, 0, 1, "the user signs out: account/logout", false),
                event(3, 1, 0, "success", false),
                event(4, 0, 1, "thread t1 calls a tool of codex_apps", false),
                event(4, 1, 2, "the call with the credentials of alice", true),
                event(4, 2, 2, "the Apps server holds tool calls <from now on>", false),
            ],
        }),
    }
}

/// The second of three parts of the failing run.
pub(crate) fn part() -> Report {
    let mut report = failing();
    report.run.shard = "2/3".parse().unwrap();
    report.gave_up = Some(
        "gave up: the subject broke down more than 10 times; what was not asked is not checked"
            .into(),
    );
    report
}

/// A report of a run that compared no case.
pub(crate) fn nothing_checked() -> Report {
    let mut report = clean();
    report.phases.iter_mut().for_each(|phase| phase.not_comparable = phase.cases);
    report.rules = Default::default();
    report
}

/// A report in which every text is [`HOSTILE`].
pub(crate) fn hostile() -> Report {
    let text = || HOSTILE.to_string();
    let mut report = failing();
    report.run.subject = text();
    report.run.profile = text();
    report.run.version = text();
    report.gave_up = Some(text());
    for found in &mut report.findings {
        found.id = text();
        let finding = &mut found.finding;
        (finding.subject, finding.note) = (text(), text());
        finding.case.id = text();
        finding.case.host = json!({ HOSTILE: HOSTILE });
        for difference in &mut finding.differences {
            let FoundDifference { place, rule: _, because, expected, actual } = difference;
            (*place, *because) = (text(), text());
            (*expected, *actual) = (json!({ HOSTILE: 1 }), json!([HOSTILE, HOSTILE]));
        }
    }
    for (position, found) in report.findings.iter_mut().enumerate() {
        found.id.push_str(&position.to_string());
        found.finding.sentence = text();
    }
    report.findings[1].expected = Some(text());
    for (position, failed) in report.scenarios.iter_mut().enumerate() {
        failed.name = format!("{HOSTILE}{position}");
        failed.message = text();
    }
    report.scenarios[1].expected = Some(text());
    let event = |from, to| PictureEvent { step: 1, from, to, text: text(), is_wrong: true };
    report.scenarios[1].picture = Some(Picture {
        lanes: vec![text(), text()],
        // The last one is between lanes that there are not.
        events: vec![event(0, 1), event(1, 1), event(7, usize::MAX)],
    });
    let entry = Entry {
        rule: None,
        finding: Some(text()),
        scenario: None,
        reason: text(),
        case: None,
        delivery: Route::File,
        sequence: None,
    };
    report.expectations.push(Expectation { entry, met: 0 });
    report
}

/// The finding with a text of other characters for each number below 4,096, and so with another cause.
pub(crate) fn of_another_cause(found: &ReportedFinding, number: usize) -> ReportedFinding {
    let sign = |bit: usize| if number >> bit & 1 == 1 { '!' } else { '?' };
    let base: String = (0..12).map(sign).collect();
    let mut found = found.clone();
    found.finding.case.host["chatgpt_base_url"] = base.into();
    found
}

/// The matrix of a self-test.
pub(crate) fn matrix() -> Matrix {
    let row = |fault: &str, rule: &str, what: &str, numbers: [Option<u64>; 5]| MatrixRow {
        fault: fault.into(),
        rule: rule.into(),
        what: what.into(),
        vectors: numbers[0],
        edges: numbers[1],
        exhaustive: numbers[2],
        random: numbers[3],
        random_worst: numbers[4],
        endpoint: (rule == "apps-server.sku-header").then(|| "the SKU header is sent".into()),
    };
    Matrix {
        version: "0.1.0".into(),
        profile: "codex-pr-27191".into(),
        sound_cases: 1_000_000,
        false_alarms: 0,
        seeds: 5,
        faults: vec![
            row(
                "gate-lets-api-keys-pass",
                "gate.open",
                "an API key opens the gate",
                [Some(3), Some(8), Some(17), Some(11), Some(42)],
            ),
            row(
                "sku-header-dropped",
                "apps-server.sku-header",
                "the SKU header is never sent",
                [None, Some(40_118), Some(904), Some(61), None],
            ),
            row("never-found", "host.wrong-type", "nothing notices this", [None; 5]),
        ],
    }
}

fn run(subject: &str, options: &Options) -> RunOptions {
    RunOptions {
        version: "0.1.0".into(),
        subject: subject.into(),
        kind: SubjectKind::InProcess,
        warns: true,
        knows_wide_cases: true,
        tells_numbers_apart: true,
        steps: Steps::none(),
        profile: options.profile.name().into(),
        phases: options.phases.iter().copied().collect(),
        seed: options.seed,
        cases: options.cases,
        sequences: options.sequences,
        length: options.length,
        time: None,
        twice: options.twice,
        shard: options.shard,
        invocation: None,
        strict: false,
        complete: options.complete.clone(),
    }
}

/// Counts every rule that `counts` selects, each a different number of times.
fn record(report: &mut Report, counts: fn(&Rule) -> bool) {
    for rule in Rule::ALL.iter().filter(|rule| counts(rule)) {
        report.rules.record(vec![*rule; rule.id().len() * 37]);
    }
}

fn phase(phase: Phase, cases: u64, failures: u64, seconds: f64) -> PhaseReport {
    let (asked_again, not_comparable, cut_short) = (cases / 10, 0, false);
    PhaseReport {
        phase,
        cases,
        asked_again,
        not_comparable,
        brought_within_reach: None,
        failures,
        cut_short,
        slow: 0,
        turns: None,
        searched: None,
        seconds,
    }
}

/// Counts a little above the least shares, but below them for the first `few` situations.
fn labels(cases: u64, few: usize) -> LabelCounts {
    let counts = LABELS.iter().enumerate().map(|(position, (_, words, least, _))| {
        let least = u64::from(*least) * cases / 1_000;
        let count = if position < few { least / 2 } else { least + least / 3 };
        (words.to_string(), Value::from(count))
    });
    let situations: serde_json::Map<String, Value> = counts.collect();
    serde_json::from_value(json!({ "cases": cases, "situations": situations })).unwrap()
}

fn reported(finding: Finding) -> ReportedFinding {
    ReportedFinding { id: finding.id(), expected: None, finding }
}

fn case(written: Value) -> Case {
    serde_json::from_value(written).unwrap()
}

fn finding(verdict: &str, rule: Option<Rule>, case: Case, difference: FoundDifference) -> Finding {
    Finding {
        finding: FORMAT,
        subject: "fork 2.1".into(),
        verdict: FindingKind::try_from(verdict.to_string()).unwrap(),
        rule,
        sentence: rule.map(rules::sentence).unwrap_or_default().into(),
        count: 1,
        note: String::new(),
        differences: vec![difference],
        form: None,
        delivery: Route::File,
        after: None,
        expected: mcp_overlay_model::resolve(&case).answer(),
        case,
        actual: None,
    }
}

fn gate() -> Finding {
    let difference = FoundDifference {
        place: "effective[\"codex_apps\"]".into(),
        rule: Some(Rule::GateOpen),
        because: "auth is api_key".into(),
        expected: Value::Null,
        actual: json!({
            "startup_timeout_sec": 30.0,
            "url": "https://chatgpt.com/backend-api/wham/apps",
        }),
    };
    let case = case(json!({ "host": {}, "auth": "api_key" }));
    Finding { count: 23, ..finding("disagree", Some(Rule::GateOpen), case, difference) }
}

fn unstable() -> Finding {
    let difference = FoundDifference {
        place: "runtime[\"docs\"]".into(),
        rule: Some(Rule::ResolutionPure),
        because: "asked again, it answered otherwise".into(),
        expected: json!({ "command": "docs", "args": ["--stdio"] }),
        actual: Value::Null,
    };
    let written = json!({ "host": { "mcp_servers": { "docs": { "command": "docs" } } } });
    let mut finding =
        finding("not deterministic", Some(Rule::ResolutionPure), case(written), difference);
    finding.after = Some(case(json!({ "host": {}, "auth": "chatgpt" })));
    finding.note = "seen once; asked again, the subject answers as it should".into();
    finding
}

fn hung() -> Finding {
    let difference = FoundDifference {
        place: "the answer".into(),
        rule: None,
        because: "did not answer within 2 s\nits last words:\n  warning: <lock> is held".into(),
        expected: "an answer".into(),
        actual: "hung".into(),
    };
    let case = case(json!({ "host": { "mcp_servers": { "a": { "url": "https://a.example" } } } }));
    Finding { count: 2, ..finding("hung", None, case, difference) }
}

fn merges() -> Finding {
    let difference = FoundDifference {
        place: "runtime[\"docs\"]".into(),
        rule: Some(Rule::OverlaySetReplacesWhole),
        because: "contribution 0 of contributor policy".into(),
        expected: json!({
            "command": "docs",
            "args": ["--stdio", "--verbose"],
            "startup_timeout_sec": 10.0,
        }),
        actual: json!({
            "command": "docs",
            "args": ["--stdio"],
            "cwd": "/srv/a-rather-long-name/of-a-folder/that-does-not-fit-on-a-phone/at-all",
            "startup_timeout_sec": 10.0,
            "env": { "LANG": "C" },
        }),
    };
    let case = case(json!({
        "host": { "mcp_servers": { "docs": { "command": "old", "cwd": "/srv" } } },
        "contributors": [{ "id": "policy", "contributions": [
            { "set": { "name": "docs", "server": { "command": "docs" } } },
        ] }],
    }));
    Finding {
        count: 16,
        ..finding("disagree", Some(Rule::OverlaySetReplacesWhole), case, difference)
    }
}
