//! How far a run is, on standard error: a bar in a terminal, a line now and then elsewhere.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::display::grouped;

/// The time between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(15);

/// How often the sign of life in a terminal moves.
const TICK: Duration = Duration::from_millis(120);

/// The progress of one piece of work.
pub struct Progress {
    bar: ProgressBar,
    what: String,
    total: Option<u64>,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// Begins; `total` is the number of units of the work, if it is known.
    pub fn new(what: &str, total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{prefix:<11} {wide_bar} {human_pos}/{human_len}  {rate}  {eta} left  {msg}",
            ),
            None => {
                (ProgressBar::no_length(), "{prefix:<11} {human_pos}  {rate}  {elapsed}  {msg}")
            }
        };
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // Errors in drawing the bar do not matter.
            let _ = write!(out, "{}/s", grouped(state.per_sec() as u64));
        };
        let bar = bar.with_style(style(template).with_key("rate", rate));
        let bar = bar.with_prefix(what.to_string());
        Progress { bar, what: what.into(), total, last_line: Mutex::new(Instant::now()) }
    }

    /// Shows nothing.
    pub fn hidden() -> Self {
        let last_line = Mutex::new(Instant::now());
        Progress { bar: ProgressBar::hidden(), what: String::new(), total: None, last_line }
    }

    /// So many units are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        if self.is_time_for_a_line() {
            let done = match self.total {
                Some(total) => format!("{}/{}", grouped(done), grouped(total)),
                None => grouped(done),
            };
            self.line(&done);
        }
    }

    /// What a reader wants to know besides, beside the bar.
    pub fn note(&self, text: &str) {
        self.bar.set_message(text.to_string());
    }

    /// All units are done, and there is still work: a bar that stands at its end looks stuck.
    pub fn goes_on(&self, with: &str) {
        self.bar.set_style(style("{prefix:<11} {spinner} {msg}  {elapsed}"));
        self.bar.set_message(with.to_string());
        self.bar.enable_steady_tick(TICK);
        if self.is_elsewhere() {
            self.line(with);
        }
    }

    /// Does what writes to the terminal, above the bar.
    pub fn suspend(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Whether this is shown somewhere else than in a terminal.
    fn is_elsewhere(&self) -> bool {
        !self.what.is_empty() && self.bar.is_hidden()
    }

    fn is_time_for_a_line(&self) -> bool {
        if !self.is_elsewhere() {
            return false;
        }
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.elapsed() >= BETWEEN_LINES;
        if is_time {
            *last = Instant::now();
        }
        is_time
    }

    fn line(&self, text: &str) {
        // Nobody may be reading.
        let _ = writeln!(std::io::stderr(), "{}: {text}", self.what);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
