//! A subject that is asked by somebody who only wants answers, and watched for breaking down.

use std::sync::atomic::{AtomicBool, Ordering};

use mcp_overlay_model::{Answer, Case};

use super::{Reply, Subject};

/// A subject, and whether it broke down.
pub(crate) struct Watched<'a> {
    subject: &'a dyn Subject,
    broke_down: AtomicBool,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(subject: &'a dyn Subject) -> Self {
        Watched { subject, broke_down: AtomicBool::new(false) }
    }

    pub(crate) fn broke_down(&self) -> bool {
        self.broke_down.load(Ordering::Relaxed)
    }
}

impl Subject for Watched<'_> {
    fn name(&self) -> &str {
        self.subject.name()
    }

    fn resolve(&self, case: &Case) -> Answer {
        self.subject.resolve(case)
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        let replies = self.subject.ask(cases);
        let broke_down = replies.iter().any(|reply| matches!(reply, Reply::Failed(_)));
        self.broke_down.fetch_or(broke_down, Ordering::Relaxed);
        replies
    }

    fn restart(&self) {
        self.subject.restart();
    }
}
