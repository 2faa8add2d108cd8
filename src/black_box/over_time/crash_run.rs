//! A run in which a host writes its files, played once for each of its file operations: there the host
//! is killed, started again, and asked (docs/crash-points.md).

use std::fs;
use std::path::Path;

use mcp_overlay_model::Auth as Kind;
use mcp_overlay_model::Profile;
use mcp_overlay_model::lifecycle::{
    BASE, Ending, Expected, Means, Seen, Sequence, SignIn, State, Step,
};
use serde_json::{Value, json};

use super::crashed::{Auth, Before};
use super::grants::Kept;
use super::player::{Player, Stage};
use crate::black_box::crash::point::{Point, Record, When};
use crate::black_box::home::Home;
use crate::parallel::{Numbers, on_all_cores};
use crate::sequences::story::seen_words;
use crate::subject::{Failure, FailureKind};
use crate::temporary::Folder;

/// The URLs of the servers behind OAuth.
const URLS: [(&str, &str); 2] = [("a", "https://one.example"), ("b", "https://two.example")];

/// What a run of crash points found.
#[derive(Clone, Debug, Default)]
pub struct CrashReport {
    /// The file operations of a run without a crash.
    pub operations: Vec<String>,
    /// What each crash came to, in the order of the points.
    pub crashes: Vec<Crash>,
    /// The points that no run reached: each did fewer operations than the one that was counted.
    pub not_reached: Vec<Point>,
}

/// What a crash came to.
#[derive(Clone, Debug)]
pub struct Crash {
    /// When the host was killed.
    pub point: Point,
    /// The operation.
    pub operation: String,
    /// What the client was doing.
    pub during: String,
    /// What is wrong afterwards.
    pub problems: Vec<String>,
    /// The servers whose login is lost because their refresh token was spent and the new one not yet
    /// stored. No host can close this window; a server that got the new token is a problem instead.
    pub lost: Vec<String>,
    /// Files that the host left beside its own, and that hold secrets.
    pub left: Vec<String>,
}

/// Why the crash points were not checked.
#[derive(Debug, thiserror::Error)]
pub enum CrashError {
    /// This system lets no program trace another, or tracing failed.
    #[error("the host was not traced: {0}")]
    NotTraced(String),
    /// The host failed without a crash point.
    #[error("the host {0}")]
    Failed(String),
}

/// A step, or the start of the host.
#[derive(Clone, Debug)]
enum Act {
    /// The host starts.
    Start,
    Step(Step),
}

impl Act {
    /// What happens to the account and the servers.
    fn step(&self) -> Option<Step> {
        match self {
            Act::Start => None,
            Act::Step(step) => Some(step.clone()),
        }
    }

    fn words(&self) -> String {
        match self {
            Act::Start => "the start".into(),
            Act::Step(Step::SignIn(_)) => "account/login/start with an API key".into(),
            Act::Step(Step::Thread { .. }) => "thread/start, with expired logins".into(),
            Act::Step(Step::Call { server, .. }) => format!("a call of {server}"),
            Act::Step(Step::SignOut { .. }) => "account/logout".into(),
            Act::Step(Step::View) => "mcpServerStatus/list".into(),
            Act::Step(Step::EndHost { .. }) => "the end of input".into(),
            Act::Step(_) => "a change of a server".into(),
        }
    }
}

/// The sign-in through the protocol.
fn with_key() -> SignIn {
    SignIn { by: Means::Protocol, ..SignIn::by_file("key", Kind::ApiKey) }
}

/// What is there before the host starts.
fn before_the_host() -> Vec<Step> {
    let [(a, one), (b, two)] = URLS;
    let servers = json!({a: {"url": one}, b: {"url": two}, "off": {"url": one, "enabled": false}});
    let mut steps = vec![
        Step::Config(json!({"chatgpt_base_url": BASE, "mcp_servers": servers})),
        Step::SignIn(SignIn::by_file("alice", Kind::ChatGpt)),
    ];
    steps.extend(URLS.map(|(name, _)| Step::LogIn { server: name.into() }));
    // One login only: two refreshes at a time do their operations in another order each time.
    steps.push(Step::Expire { server: one.into() });
    steps
}

/// What the host does: it refreshes at the start of a thread and at a call, and the account changes.
fn acts() -> Vec<Act> {
    let [(a, one), (b, two)] = URLS;
    let call = |server: &str| Act::Step(Step::Call { thread: "t".into(), server: server.into() });
    let expire = |url: &str| Act::Step(Step::Expire { server: url.into() });
    let view = || Act::Step(Step::View);
    vec![
        Act::Start,
        Act::Step(Step::Thread { name: "t".into() }),
        call(a),
        call(b),
        view(),
        expire(one),
        call(a),
        Act::Step(Step::SignIn(with_key())),
        view(),
        expire(two),
        call(b),
        Act::Step(Step::SignOut { by: Means::Protocol }),
        view(),
        Act::Step(Step::EndHost { by: Ending::EndOfInput }),
    ]
}

/// Plays the run once to count the operations, and then once for each point at an operation that
/// `is_chosen`. `tracer` is the command `mcp-overlay crash-at`.
///
/// # Errors
/// See [`CrashError`].
pub(in crate::black_box) fn crash_points(
    stage: &Stage<'_>,
    profile: Profile,
    tracer: &[String],
    is_chosen: &dyn Fn(&str) -> bool,
) -> Result<CrashReport, CrashError> {
    let run = Run { stage, profile, tracer };
    let whole = run.play(None)?;
    let mut report = CrashReport { operations: whole.record.operations, ..CrashReport::default() };
    let chosen = (1..).zip(&report.operations).filter(|(_, operation)| is_chosen(operation));
    let points = chosen
        .map(|(number, _)| number)
        .flat_map(|operation| [When::Before, When::After].map(|when| Point { operation, when }));
    let points: Vec<Point> = points.collect();
    let numbers = Numbers::up_to(points.len() as u64);
    let played = on_all_cores(|| {
        let next = || numbers.take(1).and_then(|one| points.get(usize::try_from(one.start).ok()?));
        let play = |point: &Point| (*point, run.play_to(*point));
        std::iter::from_fn(next).map(play).collect::<Vec<_>>()
    });
    for (point, played) in played.into_iter().flatten() {
        match played?.crash {
            Some(crash) => report.crashes.push(crash),
            None => report.not_reached.push(point),
        }
    }
    report.crashes.sort_by_key(|crash| crash.point);
    report.not_reached.sort();
    Ok(report)
}

struct Run<'a> {
    stage: &'a Stage<'a>,
    profile: Profile,
    tracer: &'a [String],
}

/// A run, and what it came to.
struct Played {
    record: Record,
    /// `None` if it did not reach its point.
    crash: Option<Crash>,
}

/// How often a run is played that does not reach its point: how many operations there are, and in
/// which order, depends on the threads of the host.
const TRIES: usize = 3;

impl Run<'_> {
    fn play_to(&self, point: Point) -> Result<Played, CrashError> {
        let mut played = self.play(Some(point))?;
        for _ in 1..TRIES {
            if played.crash.is_some() {
                break;
            }
            played = self.play(Some(point))?;
        }
        Ok(played)
    }

    fn play(&self, kill: Option<Point>) -> Result<Played, CrashError> {
        let own = |error: std::io::Error| CrashError::NotTraced(error.to_string());
        let folder = Folder::new("mcp-overlay-record-").map_err(own)?;
        let file = folder.path().join("record");
        let mut command = self.tracer.to_vec();
        command.extend(["--record".to_string(), file.display().to_string()]);
        command.extend(kill.into_iter().flat_map(|point| ["--kill".into(), point.to_string()]));
        command.push("--".into());
        command.extend(self.stage.command.iter().cloned());
        let traced = Stage { command: &command, ..*self.stage };
        let steps = before_the_host();
        let all = steps.iter().cloned().chain(acts().iter().filter_map(Act::step)).collect();
        let sequence = Sequence { id: String::new(), profile: self.profile, steps: all };
        let player = Player::new(&traced, &sequence).map_err(failed)?;
        let mark = player.mark.clone();
        let Some(home) = player.home().map(Home::shared) else {
            return Err(CrashError::Failed("has no home".into()));
        };
        let mut scene = Scene { player, home, record: &file, before: Before::default() };
        let played = scene.play(&steps, self.stage, kill);
        drop(scene);
        self.stage.servers.end(&mark);
        played
    }
}

fn failed(failure: Failure) -> CrashError {
    CrashError::Failed(failure.message)
}

/// A tracer that is refused says so on standard error, and ends.
fn not_started(failure: Failure) -> CrashError {
    match failure.message.contains("lets no program trace another") {
        true => CrashError::NotTraced(failure.message),
        false => failed(failure),
    }
}

/// One run.
struct Scene<'a> {
    player: Player<'a>,
    home: Home,
    record: &'a Path,
    before: Before,
}

impl<'a> Scene<'a> {
    fn play(
        &mut self,
        steps: &[Step],
        plain: &'a Stage<'a>,
        kill: Option<Point>,
    ) -> Result<Played, CrashError> {
        for step in steps {
            self.take(step).map_err(failed)?;
        }
        for act in acts() {
            let states = [self.player.state.clone(), self.after(&act)];
            self.before = self.files();
            let taken = self.act(&act);
            let record = self.recorded();
            if record.was_killed {
                let problems = self.crashed(&act, &states, plain).map_err(failed)?;
                let crash = kill.map(|point| problems.at(point, &record, &act));
                return Ok(Played { record, crash });
            }
            taken.map_err(not_started)?;
        }
        Ok(Played { record: self.recorded(), crash: None })
    }

    fn recorded(&self) -> Record {
        Record::read(&fs::read_to_string(self.record).unwrap_or_default())
    }

    fn files(&self) -> Before {
        self.player.home().map(|home| Before::of(home.path())).unwrap_or_default()
    }

    fn after(&self, act: &Act) -> State {
        let mut state = self.player.state.clone();
        if let Some(step) = act.step() {
            state.step(&step);
            state.took(&step, &Seen::Done);
        }
        state
    }

    fn take(&mut self, step: &Step) -> Result<Seen, Failure> {
        let expected = self.player.state.step(step);
        let seen = self.player.take(step, &expected)?;
        self.player.state.took(step, &seen);
        Ok(seen)
    }

    fn act(&mut self, act: &Act) -> Result<(), Failure> {
        match act {
            Act::Start => self.player.session().map(drop),
            Act::Step(step) => match (step, self.take(step)?) {
                (Step::SignIn(_), Seen::Refused) => Err(Failure {
                    kind: FailureKind::Protocol,
                    message: "refused account/login/start with an API key".into(),
                    certain: true,
                }),
                _ => Ok(()),
            },
        }
    }

    fn key(&self) -> String {
        let given = self.player.accounts.given(&with_key());
        given.get("apiKey").and_then(Value::as_str).unwrap_or_default().into()
    }
}

/// What a crash left behind.
#[derive(Default)]
struct Found {
    problems: Vec<String>,
    lost: Vec<String>,
    left: Vec<String>,
}

impl Found {
    fn at(self, point: Point, record: &Record, act: &Act) -> Crash {
        let operation = record.operations.last().cloned().unwrap_or_default();
        let Found { problems, lost, left } = self;
        Crash { point, operation, during: act.words(), problems, lost, left }
    }
}

impl<'a> Scene<'a> {
    /// Looks at the files, starts the host again, without the tracer, and asks it.
    fn crashed(
        &mut self,
        act: &Act,
        states: &[State; 2],
        plain: &'a Stage<'a>,
    ) -> Result<Found, Failure> {
        self.player.end_host(Ending::Kill)?;
        self.player.stage = plain;
        // A host that was killed at its start was given the home.
        if self.player.home().is_none() {
            self.player.home = Some(self.home.shared());
        }
        let key = self.key();
        let auth = match act {
            Act::Step(Step::SignIn(_)) => Auth::Key(&key),
            Act::Step(Step::SignOut { .. }) => Auth::Gone,
            Act::Start | Act::Step(_) => Auth::Unchanged,
        };
        let mut found = Found { left: self.player.left_with_secrets(), ..Found::default() };
        let home = self.player.home().map(|home| home.path().to_path_buf()).unwrap_or_default();
        found.problems = self.before.problems(&home, auth);
        for (server, kept) in self.player.stored_logins() {
            match kept {
                Kept::Newest => {}
                Kept::Spent { was_used: false } => found.lost.push(server),
                Kept::Spent { was_used: true } => found.problems.push(format!(
                    "{server} got the new access token, and the old, spent refresh token is stored"
                )),
                Kept::Unknown => {
                    found.problems.push(format!("the stored tokens of {server} are no pair"));
                }
            }
        }
        // What is wrong with the files explains what the next host shows.
        if found.problems.is_empty() {
            self.ask_again(states, &mut found)?;
        }
        Ok(found)
    }

    fn ask_again(&mut self, states: &[State; 2], found: &mut Found) -> Result<(), Failure> {
        let views: Vec<Expected> = states.iter().map(view_after_a_kill).collect();
        let viewed = self.player.take(&Step::View, views.first().unwrap_or(&anything()))?;
        if views.iter().all(|view| view.broken_by(&viewed).is_some()) {
            let expected: Vec<String> =
                views.iter().flat_map(|view| &view.allowed).map(seen_words).collect();
            let (viewed, expected) = (seen_words(&viewed), expected.join(", or "));
            found.problems.push(format!("the next host shows {viewed}; expected: {expected}"));
        }
        let files = self.files();
        let thread = self.player.take(&Step::Thread { name: "again".into() }, &anything())?;
        if thread != Seen::Done {
            found.problems.push("the next host starts no thread".into());
        }
        for (server, url) in URLS {
            let call = Step::Call { thread: "again".into(), server: server.into() };
            let seen = self.player.take(&call, &anything())?;
            let is_answered = seen == Seen::Answered { by: url.into(), account: None };
            if !is_answered && !found.lost.contains(&server.to_string()) {
                let seen = seen_words(&seen);
                found.problems.push(format!("the next host does not reach {server}: {seen}"));
            }
        }
        let reused = self.player.reused().into_iter();
        found.problems.extend(reused.map(|reused| {
            format!("the refresh token of {} came again {}", reused.url, reused.when)
        }));
        self.player.end_host(Ending::Kill)?;
        let home = self.player.home().map(|home| home.path().to_path_buf()).unwrap_or_default();
        if found.lost.is_empty() {
            found.problems.extend(files.problems(&home, Auth::Unchanged));
        }
        found.problems.extend(self.player.leaked().map(|leaked| leaked.message));
        Ok(())
    }
}

/// What a list may be after a kill in this state.
fn view_after_a_kill(state: &State) -> Expected {
    let mut state = state.clone();
    state.step(&Step::EndHost { by: Ending::Kill });
    state.step(&Step::View)
}

/// A step whose outcome is judged elsewhere.
fn anything() -> Expected {
    Expected {
        anything: true,
        ..Expected::only(Seen::Done, mcp_overlay_model::Rule::LifecycleDurable)
    }
}
