//! The phase `endpoint`: real connections to the servers that the subject resolves to.
//!
//! The subject resolves and the production implementation connects. If a scenario fails because of the
//! subject's answer, the answer is judged like that of any other case: then the rule of what is wrong in
//! it is blamed, not the rule that the scenario is about.

use std::time::Instant;

use super::error::Error;
use super::patiently::Patiently;
use super::run::Run;
use crate::apps_connection::saved::{FORMAT, SavedScenario};
use crate::apps_connection::{self, Problem, SCENARIOS, Scenario};
use crate::finding::investigate::Failing;
use crate::judge::verdict::Verdict;
use crate::judge::{ask, judge_reply};
use crate::report::{Event, Phase, PhaseReport, ScenarioFailure};
use crate::subject::{FailureKind, Reply};

impl Run<'_> {
    pub(super) fn endpoint(&mut self) -> Result<(), Error> {
        let shard = self.options.shard;
        let total = shard.share(SCENARIOS.len() as u64);
        self.reporter.event(&Event::PhaseStarted { phase: Phase::Endpoint, total: Some(total) });
        let (started, shrunk_before) = (Instant::now(), self.shrunk_seconds());
        let slow_before = self.restarts.late().slow();
        let mut failures = 0;
        let mut done = 0;
        for position in 0..total {
            if self.restarts.gave_up() {
                break;
            }
            done = position + 1;
            if let Some(scenario) = SCENARIOS.get(shard.case(position) as usize) {
                if let Err(problem) = self.scenario(scenario)? {
                    failures += u64::from(self.scenario_failed(scenario, &problem, started));
                }
                // What a subject of this kind does not show is the production implementation's.
                let is_its_own = self.report.can_show(scenario.rule);
                self.report.rules.record(is_its_own.then_some(scenario.rule));
            }
            self.reporter.event(&Event::Progress { done });
        }
        self.phase_ended(PhaseReport {
            phase: Phase::Endpoint,
            cases: done,
            asked_again: 0,
            not_comparable: 0,
            brought_within_reach: None,
            failures,
            cut_short: done < total,
            slow: self.restarts.late().slow() - slow_before,
            turns: None,
            searched: None,
            seconds: self.seconds_since(started, shrunk_before),
        });
        Ok(())
    }

    /// Runs a scenario; a second time, with more patience, if an answer is late.
    fn scenario(&mut self, scenario: &Scenario) -> Result<Result<(), Problem>, Error> {
        let outcome = apps_connection::run(scenario, self.driver).map_err(Error::Endpoint)?;
        let Err(Problem::BrokeDown(failure)) = &outcome else { return Ok(outcome) };
        if failure.kind != FailureKind::Hung || self.restarts.late().is_over() {
            return Ok(outcome);
        }
        let patiently = Patiently::new(self.driver);
        let again = apps_connection::run(scenario, &patiently).map_err(Error::Endpoint)?;
        if matches!(again, Err(Problem::BrokeDown(_))) {
            return Ok(again);
        }
        Ok(match self.restarts.late().count(failure, patiently.was_late()) {
            Err(failure) => Err(Problem::BrokeDown(failure)),
            Ok(message) => {
                let message = format!("{message}; scenario: {}", scenario.name);
                self.reporter.event(&Event::Slow(&message));
                again
            }
        })
    }

    /// Reports a scenario that failed; whether it is a failure and not an advisory.
    fn scenario_failed(
        &mut self,
        scenario: &Scenario,
        problem: &Problem,
        started: Instant,
    ) -> bool {
        let failing = match problem {
            Problem::BrokeDown(failure) => {
                self.restarts.spend();
                Some(failing(scenario, Verdict::Failed(failure.clone())))
            }
            Problem::Wrong(_) => self.wrong_answer(scenario),
        };
        let Some(failing) = failing else {
            self.connection_failed(scenario, &problem.to_string());
            return true;
        };
        let deadline = started + self.options.shrinking;
        if !self.explain(self.driver, &failing, 0) {
            let began = Instant::now();
            if let Some((finding, known)) =
                self.examine(self.driver, &failing, (deadline, deadline))
            {
                self.learn(&finding, &known);
                self.found(finding);
            }
            self.shrank(1, began);
        }
        failing.verdict.is_failure()
    }

    /// The case of a scenario, if the answer to it is wrong.
    fn wrong_answer(&self, scenario: &Scenario) -> Option<Failing> {
        let case = scenario.case_alone();
        let alone = ask(self.driver, &case).verdict;
        let verdict = match scenario.case_before() {
            Some(before) if !alone.is_finding() => {
                self.driver.restart();
                let reply = self.driver.ask(&[before, case.clone()]).pop();
                let reply = reply.unwrap_or(Reply::NotAsked);
                judge_reply(self.driver.visibility(), &case, reply).verdict
            }
            _ => alone,
        };
        verdict.is_finding().then(|| failing(scenario, verdict))
    }

    /// The answer is right, so the connection is to blame.
    fn connection_failed(&mut self, scenario: &Scenario, problem: &str) {
        let rule = scenario.connection_rule();
        let message = format!("the answer is right, the connection is not: {problem}");
        let saved = SavedScenario {
            format: FORMAT,
            scenario: scenario.name.into(),
            rule,
            subject: self.driver.name().into(),
            message: message.clone(),
        };
        let saved = match self.options.findings.as_ref().map(|folder| saved.save(folder)) {
            Some(Ok(path)) => format!("\n  saved: {}", path.display()),
            Some(Err(error)) => format!("\n  not saved: {error}"),
            None => String::new(),
        };
        let expected = self.options.expected.reason_of_scenario(scenario.name, Some(rule));
        let failure = ScenarioFailure {
            phase: Phase::Endpoint,
            advisory: false,
            unconfirmed: false,
            name: scenario.name.into(),
            rule: Some(rule),
            message: message + &saved,
            expected: expected.map(str::to_string),
            picture: None,
            sequence: None,
        };
        self.reporter.event(&Event::ScenarioFailed(&failure));
        self.report.scenarios.push(failure);
    }
}

fn failing(scenario: &Scenario, verdict: Verdict) -> Failing {
    Failing { index: 0, case: scenario.case_alone(), after: scenario.case_before(), verdict }
}
