//! Sequences from bytes: valid by construction, in several strategies.

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::{Behaviour, Ending, Means, Sequence, SignIn, Step};
use mcp_overlay_model::{Auth, CODEX_APPS, Profile};

use super::configs::{ACCOUNTS, COMMANDS, Configs, NAMES, Named, THREADS};
use super::{
    generate_arguments, generate_entries, generate_logins, generate_reads, generate_reloads,
    generate_scenarios, generate_sign_ins, generate_turns,
};
use crate::subject::{SubjectKind, Visibility};

/// The bytes for one sequence.
const BYTES: usize = 512;

/// Where sequences are played, which decides the kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// On a host in this process, with HTTP servers in memory.
    InProcess,
    /// On a running host, with servers on loopback.
    Outside,
}

impl Stage {
    /// That of this kind of subject.
    #[must_use]
    pub fn of(kind: SubjectKind) -> Self {
        match kind.visibility() {
            Visibility::Views => Stage::InProcess,
            Visibility::Outside => Stage::Outside,
        }
    }
}

/// The sequence of this number under this seed.
#[must_use]
pub fn random_sequence(profile: Profile, stage: Stage, seed: u64, number: u64) -> Sequence {
    let mut random = fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(BYTES).collect();
    sequence_from(profile, stage, &bytes)
}

/// The sequence that these bytes mean.
#[must_use]
pub fn sequence_from(profile: Profile, stage: Stage, bytes: &[u8]) -> Sequence {
    let mut steps = if stage == Stage::Outside && generate_scenarios::is_scenario(bytes) {
        generate_turns::with_turns(profile, generate_scenarios::steps(bytes), bytes)
    } else if stage == Stage::Outside && generate_logins::is_about_logins(bytes) {
        generate_logins::steps(bytes)
    } else if generate_sign_ins::is_about_sign_ins(bytes) {
        let steps = generate_sign_ins::steps(bytes, stage == Stage::Outside);
        with_more(profile, stage, steps, bytes)
    } else if stage == Stage::Outside && generate_reloads::is_about_reloads(bytes) {
        with_more(profile, stage, generate_reloads::steps(bytes), bytes)
    } else {
        let steps = generate_reads::with_reads(profile, steps_of_all_kinds(stage, bytes), bytes);
        with_more(profile, stage, steps, bytes)
    };
    if stage == Stage::Outside {
        generate_arguments::put_first(&mut steps, bytes);
    }
    generate_sign_ins::number(&mut steps);
    Sequence { id: String::new(), profile, steps }
}

/// The steps with turns among them, and with more in the entries of servers that see requests.
fn with_more(profile: Profile, stage: Stage, steps: Vec<Step>, bytes: &[u8]) -> Vec<Step> {
    let steps = match stage {
        Stage::InProcess => steps,
        Stage::Outside => generate_entries::with_entries(profile, steps, bytes),
    };
    generate_turns::with_turns(profile, steps, bytes)
}

fn steps_of_all_kinds(stage: Stage, bytes: &[u8]) -> Vec<Step> {
    let mut generator = Generator {
        stage,
        bytes: Unstructured::new(bytes),
        steps: Vec::new(),
        threads: 0,
        holding: Vec::new(),
        configs: Configs::new(stage == Stage::Outside),
        loaded: Vec::new(),
        is_signed_in: false,
        gone: Vec::new(),
    };
    // Without more bytes every choice is the first one, so the sequence ends.
    let _ = generator.fill();
    generator.heal();
    generator.steps
}

struct Generator<'a> {
    stage: Stage,
    bytes: Unstructured<'a>,
    steps: Vec<Step>,
    threads: usize,
    /// The servers that are not well.
    holding: Vec<String>,
    configs: Configs,
    /// The enabled servers at the last reload or start of a thread.
    loaded: Vec<Named>,
    is_signed_in: bool,
    /// The servers that were down or killed.
    gone: Vec<String>,
}

/// Which kinds of steps a sequence has most of.
struct Weights {
    config: u8,
    reload: u8,
    thread: u8,
    call: u8,
    view: u8,
    account: u8,
    world: u8,
    together: u8,
    /// The end of the host.
    end: u8,
}

#[rustfmt::skip]
const STRATEGIES: [Weights; 4] = [
    Weights { config: 3, reload: 3, thread: 2, call: 4, view: 2, account: 2, world: 5, together: 2, end: 2 },
    Weights { config: 5, reload: 6, thread: 1, call: 4, view: 1, account: 0, world: 3, together: 2, end: 1 },
    Weights { config: 1, reload: 1, thread: 2, call: 4, view: 2, account: 6, world: 2, together: 1, end: 2 },
    Weights { config: 2, reload: 3, thread: 1, call: 4, view: 2, account: 1, world: 14, together: 2, end: 1 },
];

impl Generator<'_> {
    fn fill(&mut self) -> arbitrary::Result<()> {
        let strategy = self.bytes.int_in_range(0..=STRATEGIES.len() - 1)?;
        let Some(weights) = STRATEGIES.get(strategy) else { return Ok(()) };
        let config = self.configs.next(&mut self.bytes)?;
        self.steps.push(Step::Config(config));
        if self.bytes.ratio(3, 4)? {
            let signed_in = self.sign_in()?;
            self.is_signed_in = true;
            self.steps.push(signed_in);
        }
        // What goes wrong on one thread only needs two.
        for _ in 0..*self.bytes.choose(&[0, 1, 2, 2])? {
            self.thread()?;
        }
        for _ in 0..self.bytes.int_in_range(4..=11)? {
            let kinds = [
                weights.config,
                weights.reload,
                weights.thread,
                weights.call,
                weights.view,
                weights.account,
                weights.world,
                if self.is_outside() { weights.together } else { 0 },
                if self.is_outside() { weights.end } else { 0 },
            ];
            let mut chosen = self.bytes.int_in_range(0..=kinds.iter().sum::<u8>() - 1)?;
            let mut kind = 0;
            for (position, weight) in kinds.iter().enumerate() {
                if chosen < *weight {
                    kind = position;
                    break;
                }
                chosen -= weight;
            }
            self.step(kind)?;
        }
        Ok(())
    }

    fn is_outside(&self) -> bool {
        self.stage == Stage::Outside
    }

    fn step(&mut self, kind: usize) -> arbitrary::Result<()> {
        let step = match kind {
            0 => {
                let config = self.configs.next(&mut self.bytes)?;
                self.steps.push(Step::Config(config));
                if self.bytes.ratio(1, 2)? { self.reload() } else { return Ok(()) }
            }
            1 => self.reload(),
            2 => return self.thread(),
            3 => return self.call(),
            4 => Step::View,
            5 => return self.account(),
            6 => return self.world(),
            7 => return self.together(),
            _ => return self.end(),
        };
        self.steps.push(step);
        Ok(())
    }

    /// The account changes, and perhaps every thread uses the Apps server then. A list in between shows
    /// whether the host has noticed a file.
    fn account(&mut self) -> arbitrary::Result<()> {
        let step = match self.bytes.int_in_range(0..=7)? {
            0..=3 if self.is_signed_in => Step::SignOut { by: Means::Protocol },
            4 | 5 if self.is_signed_in => Step::SignOut { by: Means::File },
            0 => Step::SignOut { by: Means::Protocol },
            _ => self.sign_in()?,
        };
        self.is_signed_in = matches!(step, Step::SignIn(_));
        self.steps.push(step);
        if self.is_outside() && self.bytes.ratio(1, 2)? {
            self.steps.push(Step::View);
        }
        match self.threads > 0 && self.bytes.ratio(1, 2)? {
            true => self.use_by_all(CODEX_APPS),
            false => Ok(()),
        }
    }

    /// The host ends, with its threads and what is held, and another one lists and starts a thread.
    fn end(&mut self) -> arbitrary::Result<()> {
        if self.bytes.ratio(1, 2)? {
            let config = self.configs.next(&mut self.bytes)?;
            self.steps.push(Step::Config(config));
        }
        let is_killed = self.bytes.ratio(1, 2)?;
        let by = if is_killed { Ending::Kill } else { Ending::EndOfInput };
        self.steps.extend([Step::EndHost { by }, Step::View]);
        self.threads = 0;
        if self.bytes.ratio(1, 2)? { self.thread() } else { Ok(()) }
    }

    fn reload(&mut self) -> Step {
        if !self.configs.is_broken {
            self.loaded.clone_from(&self.configs.named);
        }
        Step::Reload
    }

    /// Calls, and perhaps a reload or a sign-out among them.
    fn together(&mut self) -> arbitrary::Result<()> {
        if self.threads == 0 {
            self.thread()?;
        }
        let mut steps = Vec::new();
        for _ in 0..self.bytes.int_in_range(2..=4)? {
            match self.bytes.int_in_range(0..=7)? {
                0 => {
                    let config = self.configs.next(&mut self.bytes)?;
                    steps.extend([Step::Reload, Step::Config(config), Step::Reload]);
                }
                1 => steps.push(Step::Reload),
                2 => steps.push(Step::SignOut { by: Means::Protocol }),
                _ => {
                    let thread = self.bytes.int_in_range(0..=self.threads.saturating_sub(1))?;
                    let server = self.server()?;
                    let thread = THREADS.get(thread).copied().unwrap_or_default().into();
                    steps.push(Step::Call { thread, server });
                }
            }
        }
        self.steps.push(Step::Together(steps));
        Ok(())
    }

    fn thread(&mut self) -> arbitrary::Result<()> {
        if let Some(name) = THREADS.get(self.threads) {
            if self.configs.is_broken && self.bytes.ratio(3, 4)? {
                // No thread starts, and so what needs one would show nothing.
                let config = self.configs.mend();
                self.steps.push(Step::Config(config));
            }
            if !self.configs.is_broken {
                self.threads += 1;
                self.loaded.clone_from(&self.configs.named);
            }
            self.steps.push(Step::Thread { name: (*name).into() });
        }
        Ok(())
    }

    /// A call needs a thread, so it gets one.
    fn call(&mut self) -> arbitrary::Result<()> {
        if self.threads == 0 {
            self.thread()?;
        }
        let thread = self.bytes.int_in_range(0..=self.threads.saturating_sub(1))?;
        let server = self.server()?;
        self.call_on(thread, server);
        Ok(())
    }

    fn call_of(&mut self, server: String) -> arbitrary::Result<()> {
        if self.threads == 0 {
            self.thread()?;
        }
        self.call_on(self.threads.saturating_sub(1), server);
        Ok(())
    }

    fn call_on(&mut self, thread: usize, server: String) {
        if let Some(thread) = THREADS.get(thread) {
            self.steps.push(Step::Call { thread: (*thread).into(), server });
        }
    }

    fn server(&mut self) -> arbitrary::Result<String> {
        let loaded = self.loaded.clone();
        Ok(match self.bytes.int_in_range(0..=5)? {
            0 | 1 => CODEX_APPS.into(),
            2 | 3 if !loaded.is_empty() => self.bytes.choose(&loaded)?.0.clone(),
            _ => (*self.bytes.choose(&NAMES)?).into(),
        })
    }

    fn world(&mut self) -> arbitrary::Result<()> {
        if let Some(server) = self.holding.pop() {
            self.steps.push(Step::Release { server });
            return Ok(());
        }
        // A thread does not have what no reload has brought.
        let loaded = if self.threads == 0 { &self.configs.named } else { &self.loaded }.clone();
        let (name, server) = match self.bytes.ratio(1, 4)? || loaded.is_empty() {
            true => (CODEX_APPS.to_string(), CODEX_APPS.to_string()),
            false => self.bytes.choose(&loaded)?.clone(),
        };
        match self.behaviour(&server)? {
            None => {
                self.use_by_all(&server)?;
                self.steps.push(Step::KillServer { server: server.clone() });
                self.gone.push(server.clone());
                let others: Vec<Named> = self.loaded.clone();
                for (name, _) in others.iter().filter(|(_, at)| *at != server) {
                    self.call_of(name.clone())?;
                }
                // The uses that notice.
                self.use_by_all(&server)?;
            }
            Some(behaviour @ Behaviour::Forget) => {
                // A session that there is not cannot be forgotten.
                self.use_by_all(&server)?;
                self.steps.push(Step::World { server: server.clone(), behaviour });
                self.use_by_all(&server)?;
            }
            Some(behaviour @ Behaviour::NewTools) => {
                let changed = Step::World { server: server.clone(), behaviour };
                self.steps.extend([Step::View, changed, Step::View]);
            }
            Some(behaviour) => {
                self.holding.push(server.clone());
                self.steps.push(Step::World { server: server.clone(), behaviour });
                if behaviour == Behaviour::Down {
                    self.gone.push(server.clone());
                    // What starts without the server.
                    match self.bytes.int_in_range(0..=3)? {
                        0 => self.thread()?,
                        1 => self.step(1)?,
                        2 => self.step(4)?,
                        _ => {}
                    }
                }
                // A behaviour without a call shows nothing, and a held call is there for what comes
                // between.
                for _ in 0..*self.bytes.choose(&[1, 1, 1, 2, 4])? {
                    self.call_of(name.clone())?;
                }
            }
        }
        self.meanwhile(&server)
    }

    /// What happens while a server is not well, or holds a call.
    fn meanwhile(&mut self, server: &str) -> arbitrary::Result<()> {
        match self.bytes.int_in_range(0..=7)? {
            0 => self.step(1),
            1 if self.is_outside() => {
                let config = self.configs.without(server);
                self.steps.push(Step::Config(config));
                self.step(1)
            }
            1 => self.step(1),
            2 if self.holds(server) => {
                self.is_signed_in = false;
                self.steps.push(Step::SignOut { by: Means::Protocol });
                Ok(())
            }
            3 if self.holds(server) => self.step(1),
            2 | 3 => self.step(5),
            4 | 5 if self.is_outside() && self.holds(server) => self.end(),
            _ => Ok(()),
        }
    }

    fn holds(&self, server: &str) -> bool {
        self.holding.iter().any(|holding| holding == server)
    }

    /// Every thread calls the server by each of its names.
    fn use_by_all(&mut self, server: &str) -> arbitrary::Result<()> {
        if self.threads == 0 {
            self.thread()?;
        }
        let mut names: Vec<String> = Vec::new();
        if server == CODEX_APPS {
            names.push(server.into());
        }
        let loaded = self.loaded.iter().filter(|(_, at)| at == server);
        names.extend(loaded.map(|(name, _)| name.clone()));
        for thread in 0..self.threads {
            names.iter().for_each(|name| self.call_on(thread, name.clone()));
        }
        Ok(())
    }

    /// What a server does from now on; `None`: its processes are killed.
    fn behaviour(&mut self, server: &str) -> arbitrary::Result<Option<Behaviour>> {
        use Behaviour::{
            BadJson, Cut, Down, Forbidden, Forget, Hold, NewTools, Redirect, Refuse, TooMany,
            Unauthorized,
        };
        let all: &[Behaviour] = if !self.is_outside() {
            &[Hold, Hold, Refuse]
        } else if server == CODEX_APPS {
            &[Hold, Hold, Redirect, Refuse, Forbidden, TooMany, Cut, BadJson]
        } else if COMMANDS.contains(&server) {
            if self.bytes.ratio(1, 3)? {
                return Ok(None);
            }
            &[Hold, Hold, Refuse, Down, NewTools]
        } else {
            return Ok(Some(match self.bytes.int_in_range(0..=20)? {
                0..=3 => Hold,
                4..=7 => Forget,
                8..=10 => NewTools,
                11..=13 => Down,
                14 | 15 => Cut,
                16 => BadJson,
                17 => Unauthorized,
                18 => Forbidden,
                19 => TooMany,
                _ => Refuse,
            }));
        };
        Ok(Some(*self.bytes.choose(all)?))
    }

    fn sign_in(&mut self) -> arbitrary::Result<Step> {
        let account = *self.bytes.choose(&ACCOUNTS)?;
        let auth = if self.bytes.ratio(1, 6)? { Auth::ApiKey } else { Auth::ChatGpt };
        Ok(Step::SignIn(SignIn::by_file(account, auth)))
    }

    /// All servers are well again, and then every thread must reach what it should.
    fn heal(&mut self) {
        let holding = std::mem::take(&mut self.holding);
        self.steps.extend(holding.into_iter().map(|server| Step::Release { server }));
        let mut gone = std::mem::take(&mut self.gone);
        gone.sort();
        gone.dedup();
        if self.threads > 0 {
            // The uses that notice, and those that may start the server again.
            let twice = gone.iter().chain(&gone);
            twice.for_each(|server| self.use_by_all(server).unwrap_or_default());
        }
        if !gone.is_empty() {
            // A server that was gone must come back at the latest then.
            self.steps.push(Step::Reload);
        }
        self.steps.push(Step::View);
        for thread in THREADS.iter().take(self.threads) {
            for server in NAMES.iter().chain([&CODEX_APPS]) {
                let (thread, server) = ((*thread).into(), (*server).into());
                self.steps.push(Step::Call { thread, server });
            }
        }
        if self.is_outside() {
            self.steps.extend([Step::Settle, Step::EndHost { by: Ending::EndOfInput }]);
        }
    }
}
