//! The stdio servers of sequences: each process connects to the checker and passes on what it reads,
//! so that a sequence decides what it answers, and the end of the connection tells the end of the
//! process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mcp_overlay_model::lifecycle::Behaviour;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::shared::{
    Got, OUTSIDE_OF_AUTHORIZATION, Origin, Received, Shared, Target, number_of_call, released,
    result, starts,
};
use crate::black_box::account_id;
use crate::black_box::home::HOST_BEARER;
use crate::black_box::stdio_server::Hello;
use crate::subject::process::secrets::holds;

/// The longest line to read, in bytes.
const LONGEST_LINE: u64 = 1024 * 1024;

pub(super) async fn listen(shared: Arc<Shared>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let shared = Arc::clone(&shared);
            // A process that is killed ends its connection, which is no error of ours.
            tokio::spawn(async move { serve(stream, &shared).await });
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    let Some(line) = next_line(&mut lines).await? else { return Ok(()) };
    let Ok(hello) = serde_json::from_slice::<Hello>(&line) else { return Ok(()) };
    let Hello { mark, number, process, has_secrets, args, env } = hello;
    let got = Got { what: "a process".into(), args, env, ..Got::default() };
    if has_secrets {
        shared.stray(&mark, "gave a secret to the process of a server");
    }
    let target = (Origin::Servers, format!("/{number}"));
    if matches!(shared.behaviour(&mark, &target), None | Some(Behaviour::Down)) {
        return Ok(());
    }
    let Some((opened, mut own)) = shared.open(&mark, &target, None, Some(process)) else {
        return Ok(());
    };
    let from = (mark.clone(), target.clone(), opened, Arc::new(got));
    let (answers, mut ready) = mpsc::unbounded_channel::<Value>();
    let mut calls = JoinSet::new();
    let served = loop {
        tokio::select! {
            line = next_line(&mut lines) => match line {
                Ok(Some(line)) => take(&line, &from, shared, &answers, &mut calls),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
            Some(answer) = ready.recv() => {
                if let Err(error) = write.write_all(format!("{answer}\n").as_bytes()).await {
                    break Err(error);
                }
            }
            message = own.recv() => match message {
                Some(message) => if let Err(error) = write.write_all(&message).await {
                    break Err(error);
                },
                // The sequence is over.
                None => break Ok(()),
            },
        }
    };
    shared.close(&mark, opened);
    served
}

/// A line without its end; `None` at the end of input.
async fn next_line(
    lines: &mut BufReader<tokio::net::tcp::OwnedReadHalf>,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = (&mut *lines).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
    Ok((read > 0).then_some(line))
}

/// Takes a message of the host to a process: the mark, the address, the number of the process, and what
/// it was started with.
fn take(
    line: &[u8],
    (mark, target, process, got): &(String, Target, u64, Arc<Got>),
    shared: &Arc<Shared>,
    answers: &mpsc::UnboundedSender<Value>,
    calls: &mut JoinSet<()>,
) {
    if holds(line, HOST_BEARER) {
        shared.stray(mark, OUTSIDE_OF_AUTHORIZATION);
    }
    let message: Value = serde_json::from_slice(line).unwrap_or_default();
    let is_call = message.get("method").and_then(Value::as_str) == Some("tools/call");
    let received = Received {
        at: Instant::now(),
        target: target.clone(),
        authorization: None,
        account: account_id::found([line]),
        is_call,
        call: number_of_call(&message),
        connection: Some(*process),
        got: Some(Arc::clone(got)),
    };
    let Some(taken) = shared.record(mark, received) else { return };
    let (target, answers) = (target.clone(), answers.clone());
    if !is_call {
        let Some(answer) = shared.answer(mark, &target, &message, taken.number) else { return };
        let is_handshake = message.get("method").and_then(Value::as_str) == Some("initialize");
        calls.spawn(async move {
            if is_handshake {
                starts(&target, taken.behaviours).await;
            }
            // A process that has just ended needs no answer.
            let _ = answers.send(answer);
        });
        return;
    }
    calls.spawn(async move {
        let answer = match released(&target, taken.behaviours).await {
            behaviour if behaviour.fails_calls() => {
                let error = json!({"code": -32000, "message": "refused"});
                json!({"jsonrpc": "2.0", "id": message.get("id"), "error": error})
            }
            _ => result(&message, taken.number),
        };
        let _ = answers.send(answer);
    });
}

/// Kills these processes.
#[cfg(unix)]
pub(super) fn kill(processes: &[u32]) {
    use rustix::process::{Pid, Signal, kill_process};
    let ids = processes.iter().filter_map(|id| Pid::from_raw(i32::try_from(*id).ok()?));
    // An error means that the process has already ended.
    ids.for_each(|id| {
        let _ = kill_process(id, Signal::KILL);
    });
}

#[cfg(not(unix))]
pub(super) fn kill(_: &[u32]) {}
