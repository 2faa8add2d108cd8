//! A subject that is asked with more patience: for a scenario, which asks on its own.

use std::sync::atomic::{AtomicBool, Ordering};

use mcp_overlay_model::Case;
use mcp_overlay_model::lifecycle::Sequence;

use crate::subject::{
    Driver, Failure, Form, Patient, Reply, Route, Steps, SubjectKind, Trace, Watch,
};

/// The same subject, asked with more patience.
pub(super) struct Patiently<'a> {
    driver: &'a dyn Driver,
    late: AtomicBool,
}

impl<'a> Patiently<'a> {
    pub(super) fn new(driver: &'a dyn Driver) -> Self {
        Patiently { driver, late: AtomicBool::new(false) }
    }

    /// Whether an answer would have been late with the usual patience.
    pub(super) fn was_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }
}

impl Driver for Patiently<'_> {
    fn name(&self) -> &str {
        self.driver.name()
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        cases.iter().map(|case| self.ask_patiently(case).reply).collect()
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        let patient = self.driver.ask_patiently(case);
        self.late.fetch_or(patient.late, Ordering::Relaxed);
        patient
    }

    fn restart(&self) {
        self.driver.restart();
    }

    fn kind(&self) -> SubjectKind {
        self.driver.kind()
    }

    fn warns(&self) -> bool {
        self.driver.warns()
    }

    fn knows_wide_cases(&self) -> bool {
        self.driver.knows_wide_cases()
    }

    fn tells_numbers_apart(&self) -> bool {
        self.driver.tells_numbers_apart()
    }

    fn declared(&self) -> Steps {
        self.driver.declared()
    }

    fn narrow(&self, case: Case) -> Case {
        self.driver.narrow(case)
    }

    fn route(&self) -> Route {
        self.driver.route()
    }

    fn by_route(&self, route: Route) -> Option<&dyn Driver> {
        self.driver.by_route(route)
    }

    fn in_form(&self, form: Form) -> Option<Box<dyn Driver + '_>> {
        self.driver.in_form(form)
    }

    fn play_watched(
        &self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Option<Result<Trace, Failure>> {
        self.driver.play_watched(sequence, watch)
    }

    fn hurry(&self, hurry: bool) {
        self.driver.hurry(hurry);
    }
}
