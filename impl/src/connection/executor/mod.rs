//! Other environments: a stdio server of another environment runs there, through an executor.
//!
//! An executor is a process that the host starts, for example over ssh. It starts processes for the
//! host in its own environment and speaks the protocol of docs/executor.md on its standard input and
//! output. `serve` and `process` are the executor, `client` the host's side of one, `pool` the
//! executors of a host, and `remote` a server behind one.

mod client;
mod pool;
mod process;
pub(super) mod remote;
mod serve;
mod wire;

pub use pool::Environments;
pub use serve::serve_executor;
