//! A running app-server as the subject: asked as a client asks it, and observed from outside
//! (docs/black-box.md).
//!
//! A case is narrowed ([`narrow`]), given this run's addresses (`local_case`), and sent to a process
//! with its own home (`session`, `home`). The servers of the case (`test_servers`, [`stdio_server`])
//! record the requests that they receive. The observation (`observe`) is the answer.

mod account_id;
mod command;
pub mod crash;
mod delivery;
mod home;
mod local_case;
pub mod narrow;
mod observe;
pub(crate) mod over_time;
mod refusal;
mod server_kind;
mod session;
mod start_error;
pub mod stdio_server;
mod test_servers;
pub mod true_origin;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mcp_overlay_model::lifecycle::Sequence;
use mcp_overlay_model::{Answer, Case, Profile, Rejected};

pub use self::over_time::crash_run::{Crash, CrashError, CrashReport};
pub use self::start_error::StartError;

use self::delivery::Delivered;
use self::local_case::{Addresses, LocalCase};
use self::narrow::AppsOrigin;
use self::observe::Evidence;
use self::over_time::crash_run;
use self::over_time::player::{self, Stage};
use self::over_time::servers::Servers;
use self::refusal::ConfigNames;
use self::session::{NotStarted, Session, Settings, Start, Status};
use self::stdio_server::Started;
use self::test_servers::{ReceivedRequest, TestServers};
use self::true_origin::tls::Front;
use crate::subject::Form;
use crate::subject::process::secrets::nonce;
use crate::subject::stdio::Patience;
use crate::subject::{
    Driver, Failure, FailureKind, MORE_PATIENCE, Patient, Reply, Route, Steps, SubjectKind, Trace,
    Watch,
};
use crate::temporary::Folder;

/// The default timeouts: a host starts a few servers for each answer, and it may be large.
pub const PATIENCE: Patience =
    Patience { case: Duration::from_secs(20), start: Duration::from_secs(20) };

/// How long after an answer a server that is started counts for the case.
const SETTLING: Duration = Duration::from_millis(30);

/// A proxy address without a listener.
const DEAD_PROXY: &str = "http://127.0.0.1:1";

/// The most idle processes to keep for later cases.
const MOST_IDLE: usize = 6;

/// An app-server that is driven as a black box.
#[derive(Debug)]
pub struct BlackBox {
    routes: [Routed; 3],
}

impl BlackBox {
    /// Starts the command, given as a list of arguments, with an empty home, to learn its name.
    /// `stdio_server` is the command that runs [`stdio_server::serve`]. [`AppsOrigin::TrueOrigin`] is
    /// for a process inside [`true_origin::namespace`].
    ///
    /// # Errors
    /// The test servers or the command cannot be started.
    pub fn start(
        command: Vec<String>,
        stdio_server: Vec<String>,
        patience: Patience,
        apps_origin: AppsOrigin,
    ) -> Result<Self, StartError> {
        let mut host = Host::new(command, stdio_server, patience, apps_origin)?;
        let name = host.introduce()?;
        let host = Arc::new(host);
        let routed = |route, words: &str| Routed {
            host: Arc::clone(&host),
            name: format!("{name}{words}"),
            route,
        };
        Ok(BlackBox {
            routes: [
                routed(Route::File, ""),
                routed(Route::Arguments, " (config as arguments)"),
                routed(Route::Split, " (config split between file and arguments)"),
            ],
        })
    }

    /// Kills the host at each of its file operations that `is_chosen`, starts it again, and asks it.
    /// `tracer` is the command `mcp-overlay crash-at`.
    ///
    /// # Errors
    /// See [`CrashError`].
    pub fn crash_points(
        &self,
        profile: Profile,
        tracer: &[String],
        is_chosen: &dyn Fn(&str) -> bool,
    ) -> Result<CrashReport, CrashError> {
        let host = &self.in_file().host;
        crash_run::crash_points(&host.stage(), profile, tracer, is_chosen)
    }

    fn in_file(&self) -> &Routed {
        let [file, ..] = &self.routes;
        file
    }
}

impl Driver for BlackBox {
    fn name(&self) -> &str {
        self.in_file().name()
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        self.in_file().ask(cases)
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        self.in_file().ask_patiently(case)
    }

    fn restart(&self) {
        self.in_file().restart();
    }

    fn kind(&self) -> SubjectKind {
        self.in_file().kind()
    }

    fn warns(&self) -> bool {
        false
    }

    fn declared(&self) -> Steps {
        Steps::none()
    }

    fn narrow(&self, case: Case) -> Case {
        self.in_file().narrow(case)
    }

    fn by_route(&self, route: Route) -> Option<&dyn Driver> {
        let mut routes = self.routes.iter();
        routes.find(|routed| routed.route == route).map(|routed| routed as &dyn Driver)
    }

    fn in_form(&self, _: Form) -> Option<Box<dyn Driver + '_>> {
        None
    }

    fn play_watched(
        &self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Option<Result<Trace, Failure>> {
        self.in_file().play_watched(sequence, watch)
    }

    fn hurry(&self, hurry: bool) {
        self.in_file().hurry(hurry);
    }
}

/// The app-server, given its config by one route.
#[derive(Debug)]
struct Routed {
    host: Arc<Host>,
    name: String,
    route: Route,
}

impl Routed {
    fn ask_with(&self, case: &Case, patience: Patience) -> Reply {
        match self.host.ask(case, self.route, patience) {
            Ok(answer) => Reply::Answered(answer),
            Err(failure) => Reply::Failed(failure),
        }
    }
}

impl Driver for Routed {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(&self, cases: &[Case]) -> Vec<Reply> {
        cases.iter().map(|case| self.ask_with(case, self.host.patience)).collect()
    }

    fn ask_patiently(&self, case: &Case) -> Patient {
        let usual = self.host.patience;
        let more = |usual: Duration| usual * MORE_PATIENCE;
        let asked = Instant::now();
        let patience = Patience { case: more(usual.case), start: more(usual.start) };
        let reply = self.ask_with(case, patience);
        // A case may have its own process.
        Patient { reply, late: asked.elapsed() > usual.case + usual.start }
    }

    fn restart(&self) {
        self.host.idle().clear();
    }

    fn kind(&self) -> SubjectKind {
        match self.host.apps_origin {
            AppsOrigin::Loopback => SubjectKind::AppServer,
            AppsOrigin::TrueOrigin => SubjectKind::AppServerAtChatgpt,
        }
    }

    fn warns(&self) -> bool {
        false
    }

    fn declared(&self) -> Steps {
        Steps::none()
    }

    fn narrow(&self, case: Case) -> Case {
        self.host.apps_origin.nearest(case)
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

    fn play_watched(
        &self,
        sequence: &Sequence,
        watch: &mut dyn Watch,
    ) -> Option<Result<Trace, Failure>> {
        Some(player::play(&self.host.stage(), sequence, watch))
    }

    /// Does nothing: with a shorter timeout, a host could miss what its servers send.
    fn hurry(&self, _: bool) {}
}

/// The processes of one command, and the servers of their cases.
#[derive(Debug)]
struct Host {
    command: Vec<String>,
    patience: Patience,
    test_servers: TestServers,
    addresses: Addresses,
    /// The folder for the reports of the stdio servers; dropping it removes it.
    _reports: Folder,
    /// Variables of every process besides those of its case.
    environment: BTreeMap<String, String>,
    apps_origin: AppsOrigin,
    /// TLS in front of the Apps endpoint, at ChatGPT's own origin. Requests there do not carry the
    /// mark of their case, so only one case is asked at a time, each in its own process.
    front: Option<(Front, Mutex<()>)>,
    idle: Mutex<Vec<Session>>,
    /// The servers of sequences.
    over_time: Servers,
}

impl Host {
    fn new(
        command: Vec<String>,
        stdio: Vec<String>,
        patience: Patience,
        apps_origin: AppsOrigin,
    ) -> Result<Self, StartError> {
        let command = command::from_anywhere(command);
        let test_servers = TestServers::start().map_err(StartError::TestServers)?;
        let reports = Folder::new("mcp-overlay-reports-").map_err(StartError::TestServers)?;
        let addresses = Addresses {
            apps: test_servers.apps(),
            servers: test_servers.servers(),
            stdio,
            reports: reports.path().into(),
            run: nonce(),
            true_origin: apps_origin == AppsOrigin::TrueOrigin,
        };
        let mut environment = BTreeMap::new();
        let mut front = None;
        if addresses.true_origin {
            let started = Front::start(addresses.apps, reports.path())?;
            let authority = started.ca_file().display().to_string();
            environment.insert("CODEX_CA_CERTIFICATE".into(), authority);
            front = Some((started, Mutex::default()));
        }
        // Requests to any other host go to a port without a listener. This also applies in the
        // isolated network, where resolving a name would take a host many seconds.
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
        environment.extend(names.map(|name| (name.into(), DEAD_PROXY.into())));
        let here = if addresses.true_origin { "127.0.0.1,chatgpt.com" } else { "127.0.0.1" };
        environment.insert("NO_PROXY".into(), here.into());
        Ok(Host {
            command,
            patience,
            test_servers,
            addresses,
            _reports: reports,
            environment,
            apps_origin,
            front,
            idle: Mutex::default(),
            over_time: Servers::start().map_err(StartError::TestServers)?,
        })
    }

    /// The file name of the program, and the version that it reports.
    fn introduce(&mut self) -> Result<String, StartError> {
        let program = self.command.first().cloned().unwrap_or_default();
        let start = Start {
            auth: None,
            environment: BTreeMap::new(),
            arguments: Vec::new(),
            is_experimental: false,
        };
        let nothing = home::with_settings(&toml::Table::new(), &[]);
        let settings = Settings { file: &nothing, plugins: &[], names: ConfigNames::of(&nothing) };
        let started =
            Session::start(&self.command, start, &settings, &self.environment, self.patience.start);
        let file = Path::new(&program).file_name().unwrap_or_default().to_string_lossy();
        match started {
            Ok(session) => Ok(format!("{file} {}", session.version())),
            Err(
                NotStarted::Refused(problem) | NotStarted::Failed(Failure { message: problem, .. }),
            ) => Err(StartError::Start { command: program, problem }),
        }
    }

    /// What sequences need of it.
    fn stage(&self) -> Stage<'_> {
        let Host { command, environment, patience, over_time, addresses, .. } = self;
        let (patience, stdio) = (*patience, addresses.stdio.as_slice());
        Stage { command, environment, patience, servers: over_time, stdio }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, case: &Case, route: Route, patience: Patience) -> Result<Answer, Failure> {
        if let Some(reason) = self.apps_origin.is_out(case) {
            return Ok(Answer::skipped(reason));
        }
        let local = LocalCase::new(case, &self.addresses);
        let one_at_a_time =
            self.front.as_ref().map(|(_, one)| one.lock().unwrap_or_else(PoisonError::into_inner));
        if one_at_a_time.is_some() {
            self.test_servers.expect_unmarked(&local.mark);
        }
        self.test_servers.expect(&local.mark);
        let asked = self.ask_local(case, &local, route, patience);
        let (requests, started) = self.collect(case, &local, asked.is_ok());
        // A host that rejects a config must not contact its servers; a contact becomes an
        // observation.
        let is_contact = |asked: &ReceivedRequest| asked.is_mcp || asked.is_contact_to_apps();
        let did_more = !started.is_empty() || requests.iter().any(is_contact);
        let mut leaks = self.test_servers.take_strays();
        leaks.extend(observe::leak_beside_entries(&requests, local.entries.len()));
        let (mut session, status) = match asked {
            Ok(asked) => asked,
            Err(NotStarted::Failed(failure)) => return Err(failure),
            Err(NotStarted::Refused(_)) if !leaks.is_empty() => return Err(leaked(&leaks, true)),
            Err(NotStarted::Refused(reason)) => return Ok(refused(reason)),
        };
        let was_asked_before = session.was_asked_before();
        if self.front.is_some() {
            session.end();
        }
        leaks.extend(session.leaks());
        if !leaks.is_empty() {
            return Err(leaked(&leaks, !was_asked_before));
        }
        if self.front.is_none() {
            self.keep(session);
        }
        let listed = match status {
            Status::Refused(_) if did_more => Vec::new(),
            Status::Refused(reason) => return Ok(refused(reason)),
            Status::Failed(failure) => return Err(failure),
            Status::Listed(listed) => listed,
        };
        let (asked, started) = (&requests, &started);
        // The servers of a case have new addresses, so a host that answers from memory, without a
        // request, is observed not to start them.
        Ok(Evidence { case, local: &local, listed: &listed, asked, started }.answer())
    }

    /// The requests and the started processes of a case. A host may start a server just after its
    /// answer, so the driver waits if the case has one that must not be started.
    fn collect(
        &self,
        case: &Case,
        local: &LocalCase,
        is_answered: bool,
    ) -> (Vec<ReceivedRequest>, Vec<(usize, Started)>) {
        if is_answered && local.has_disabled_server(case.auth) {
            thread::sleep(SETTLING);
        }
        (self.test_servers.take(&local.mark), self.take_reports(&local.mark))
    }

    /// Asks an idle process, or a new one.
    fn ask_local(
        &self,
        case: &Case,
        local: &LocalCase,
        route: Route,
        patience: Patience,
    ) -> Result<(Session, Status), NotStarted> {
        let Delivered { file, arguments } = delivery::deliver(&local.config, route);
        let start = Start {
            auth: case.auth,
            environment: local.environment.clone(),
            arguments,
            is_experimental: false,
        };
        let names = ConfigNames::of(&local.config);
        let settings = Settings { file: &file, plugins: &local.plugins, names };
        let mut session = match self.take_idle(&start) {
            Some(session) => {
                let written = session.write_settings(&settings);
                written.map_err(|error| NotStarted::Failed(session::own_fault(&error)))?;
                session
            }
            None => {
                Session::start(&self.command, start, &settings, &self.environment, patience.start)?
            }
        };
        let status = session.status(&settings.names, patience.case);
        let status = status.map_err(NotStarted::Failed)?;
        Ok((session, status))
    }

    fn take_idle(&self, start: &Start) -> Option<Session> {
        let mut idle = self.idle();
        let position = idle.iter().position(|session| session.start == *start)?;
        Some(idle.remove(position))
    }

    fn keep(&self, session: Session) {
        let mut idle = self.idle();
        idle.push(session);
        // The oldest session ends after the lock is released.
        let oldest = (idle.len() > MOST_IDLE).then(|| idle.remove(0));
        drop(idle);
        drop(oldest);
    }

    /// The reports of the stdio servers of a case, by the number of their entry.
    fn take_reports(&self, mark: &str) -> Vec<(usize, Started)> {
        let Ok(files) = fs::read_dir(&self.addresses.reports) else {
            return Vec::new();
        };
        let mut started = Vec::new();
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix(mark).and_then(|rest| rest.strip_prefix('-'));
            let number = number.and_then(|rest| rest.split('.').next()?.parse().ok());
            if let (Some(number), Ok(bytes)) = (number, fs::read(file.path())) {
                started.extend(serde_json::from_slice(&bytes).ok().map(|report| (number, report)));
                let _ = fs::remove_file(file.path());
            }
        }
        started
    }
}

/// `certain` unless an earlier case of the same process may be the cause.
fn leaked(leaks: &[String], certain: bool) -> Failure {
    Failure { kind: FailureKind::Leaked, message: leaks.join("; "), certain }
}

fn refused(reason: String) -> Answer {
    Answer::Rejected { rejected: Rejected { path: "host".into(), reason } }
}
