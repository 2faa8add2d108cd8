//! Servers of other environments, behind executors.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mcp_overlay_host::Environment;
use serde_json::{Value, json};

use crate::selected::{client, root, start, write_plugin};
use crate::support::{Client, Home, stdio, test_server};

/// Where the executor finds its plugin, and where it writes what it saw.
struct Place {
    home: Home,
    /// The root of the plugin: empty for the host, if the executor is isolated.
    root: PathBuf,
    seen: PathBuf,
}

/// The settings of an executor that a shell starts after these commands. It fails while there is a
/// file `down`.
fn executor(place: &Place, before: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_mcp-overlay-host");
    let down = place.seen.join("down");
    let script = format!("set -e; test ! -e {}; {before} exec {binary} executor", down.display());
    format!(
        "[mcp_overlay.environments.box]\ncommand = \"unshare\"\nargs = [\"-rnm\", \"sh\", \"-c\", {script:?}]\n\
         env_vars = [\"PATH\", \"GIVEN\"]\n"
    )
}

/// A home with a local server and the environment `box`, in namespaces of its own: there the root of
/// the plugin exists and the home of the host does not.
fn isolated() -> Place {
    let place = Place {
        home: Home::new(""),
        root: tempfile::tempdir().unwrap().keep(),
        seen: tempfile::tempdir().unwrap().keep(),
    };
    let source = place.seen.join("plugin");
    // The server says where it is, and which environment it got.
    let script = place.seen.join("plugin/run");
    let server = json!({ "far": { "command": "./run", "env": { "OWN": "1" }, "env_vars": ["GIVEN", "SECRET"] } });
    write_plugin(&source, &server);
    let seen = place.seen.display();
    let text = format!(
        "#!/bin/sh\nenv | cut -d= -f1 | sort > {seen}/names\necho $PPID > {seen}/parent\npwd > {seen}/cwd\n\
         readlink /proc/self/ns/net > {seen}/net\nls {} > {seen}/home\nexec {} stdio\n",
        place.home.path().display(),
        test_server().display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let before = format!(
        "mount --bind {} {}; mount -t tmpfs none {};",
        source.display(),
        place.root.display(),
        place.home.path().display()
    );
    place.home.config(&(stdio("near", &[]) + &executor(&place, &before)));
    place
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
        let _ = fs::remove_dir_all(&self.seen);
    }
}

/// What the server in the environment saw.
fn seen(place: &Place, what: &str) -> String {
    fs::read_to_string(place.seen.join(what)).unwrap()
}

fn has_namespaces() -> bool {
    let made = Command::new("unshare").args(["-rnm", "true"]).output();
    let made = made.is_ok_and(|output| output.status.success());
    if !made {
        eprintln!("SKIPPED: this machine gives no namespaces");
    }
    made
}

fn environment() -> Environment {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut pairs = vec![("PATH", path)];
    pairs.extend(["GIVEN", "SECRET", "OPENAI_API_KEY"].map(|name| (name, name.into())));
    Environment::from_pairs(pairs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_a_selected_plugin_runs_in_the_environment_that_owns_its_root() {
    if !has_namespaces() {
        return;
    }
    let place = isolated();
    assert!(place.root.read_dir().unwrap().next().is_none(), "the host does not have the plugin");
    let mut client = client(&place.home, environment()).await;
    let thread = start(&mut client, &[root("p", "box", &place.root)]).await.unwrap();
    let answer = client.call(&thread, "far", "echo").await.unwrap();
    assert_eq!(answer["structuredContent"]["arguments"], json!({}));
    // Not the network and not the files of the host.
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    assert_ne!(seen(&place, "net").trim(), own.to_str().unwrap());
    assert_eq!(seen(&place, "home"), "");
    assert_eq!(Path::new(seen(&place, "cwd").trim()), place.root);
    // Of the host's variables only those that the environment's table names.
    let names = seen(&place, "names");
    let names: Vec<_> =
        names.lines().filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name)).collect();
    assert_eq!(names, ["GIVEN", "OWN", "PATH"]);

    executor_comes_and_goes(&place, &mut client, &thread).await;
    let (local, far) = (
        format!("/proc/{}", pid(&mut client, &thread, "near").await),
        pid(&mut client, &thread, "far").await,
    );
    client.finish().await;
    for process in [local, format!("/proc/{far}")] {
        let late = Instant::now() + Duration::from_secs(5);
        while Path::new(&process).exists() {
            assert!(Instant::now() < late, "{process} is still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn pid(client: &mut Client, thread: &str, server: &str) -> Value {
    client.call(thread, server, "pid").await.unwrap()["structuredContent"]["pid"].clone()
}

/// The executor dies and cannot be started, then it can.
async fn executor_comes_and_goes(place: &Place, client: &mut Client, thread: &str) {
    let down = place.seen.join("down");
    fs::write(&down, "").unwrap();
    let near = pid(client, thread, "near").await;
    let killed = Command::new("kill").args(["-9", seen(place, "parent").trim()]).status();
    assert!(killed.unwrap().success());
    let message = loop {
        // A call that was on its way may still be answered.
        if let Err((_, message)) = client.call(thread, "far", "echo").await {
            break message;
        }
    };
    let expected = "far at `./run`: the executor of environment \"box\": it exited (";
    assert!(message.starts_with(expected), "{message}");
    let (_, message) = client.call(thread, "far", "echo").await.unwrap_err();
    assert!(message.contains("exited (exit status: 1)"), "{message}");
    assert_eq!(pid(client, thread, "near").await, near);
    fs::remove_file(&down).unwrap();
    assert!(client.call(thread, "far", "echo").await.is_ok());
    assert_eq!(pid(client, thread, "near").await, near);
}

#[tokio::test]
async fn what_is_no_executor_fails_its_servers_with_the_reason() {
    let far = "[mcp_servers.far]\ncommand = \"x\"\nenvironment_id = \"box\"\n";
    let other = "[mcp_servers.other]\ncommand = \"x\"\nenvironment_id = \"other\"\n";
    let table = "[mcp_overlay.environments.box]\ncommand = \"echo\"\nargs = [\"SECRET\"]\n";
    let home = Home::new(&(stdio("near", &[]) + far + other + table));
    let mut client = client(&home, environment()).await;
    let thread = start(&mut client, &[]).await.unwrap();
    let (_, message) = client.call(&thread, "far", "echo").await.unwrap_err();
    let expected = "far at `x`: the executor of environment \"box\": it does not speak the protocol of \
                    executors: it is started again at the next use";
    assert_eq!(message, expected);
    let (_, message) = client.call(&thread, "other", "echo").await.unwrap_err();
    assert!(message.contains("there is none for environment \"other\""), "{message}");
    assert!(client.call(&thread, "near", "echo").await.is_ok());
    client.finish().await;
}
