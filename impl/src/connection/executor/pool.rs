//! The executors of a host, each started when it is first needed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::client::Executor;
use crate::config::{Environment, Stdio};

/// The environments that a host can run servers in besides its own machine, and their executors.
/// Clones share the executors.
#[derive(Clone, Default)]
pub struct Environments {
    defined: Arc<BTreeMap<String, Stdio>>,
    running: Arc<Mutex<BTreeMap<String, Running>>>,
}

/// An executor and what it was started from; locked while it is started.
type Running = Arc<tokio::sync::Mutex<Option<(Stdio, Arc<Executor>)>>>;

impl Environments {
    /// The same executors, for environments that are defined like this: by the command that starts
    /// the executor of each.
    #[must_use]
    pub fn defined(&self, defined: Arc<BTreeMap<String, Stdio>>) -> Self {
        Self { defined, running: Arc::clone(&self.running) }
    }

    /// The text of a file of the plugin at `root` in this environment; `None` if there is none.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) async fn read(
        &self,
        environment: &str,
        root: &str,
        path: &str,
        variables: &Environment,
    ) -> Result<Option<String>, String> {
        let missing = || format!("there is no environment {environment:?}");
        let executor = self.executor(environment, variables).await.ok_or_else(missing)?;
        let read = match executor {
            Ok(executor) => executor.read(root, path).await,
            Err(reason) => Err(reason),
        };
        read.map_err(|reason| format!("the executor of environment {environment:?}: {reason}"))
    }

    /// The executor of this environment, which is started if it does not run. `None` without such an
    /// environment; `Err` is why it cannot be started.
    pub(super) async fn executor(
        &self,
        environment: &str,
        variables: &Environment,
    ) -> Option<Result<Arc<Executor>, String>> {
        let definition = self.defined.get(environment)?;
        let slot = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(running.entry(environment.to_owned()).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some((of, executor)) = &*slot
            && of == definition
            && executor.gone().is_none()
        {
            return Some(Ok(Arc::clone(executor)));
        }
        // The processes of an earlier one keep it.
        *slot = None;
        let started = Executor::start(definition, variables).await.map(Arc::new);
        if let Ok(executor) = &started {
            *slot = Some((definition.clone(), Arc::clone(executor)));
        }
        Some(started)
    }
}

impl fmt::Debug for Environments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.defined.keys()).finish()
    }
}
