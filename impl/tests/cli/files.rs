//! Reading and writing `config.toml`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Home, output_of};

const SERVER: &str = "[mcp_servers.docs]\ncommand = \"x\"\n";

fn add<'a>() -> [&'a str; 5] {
    ["mcp", "add", "new", "--url", "https://new.example"]
}

#[test]
fn commands_refuse_an_invalid_config_and_leave_it_unchanged() {
    let cases = [
        ("[mcp_servers.docs\n", ["config.toml:1:18", "not valid TOML"]),
        ("mcp_servers.docs.url = 1\n", ["config.toml:1:24", "mcp_servers.docs.url: "]),
        ("mcp_servers = 1\n", ["config.toml:1:15", "mcp_servers: "]),
        ("[[mcp_servers.docs]]\ncommand = \"x\"\n", ["config.toml:1:1", "mcp_servers.docs: "]),
    ];
    let commands: [&[&str]; 6] = [
        &["mcp", "list"],
        &["mcp", "get", "docs"],
        &add(),
        &["mcp", "remove", "docs"],
        &["mcp", "login", "docs"],
        &["mcp", "logout", "docs"],
    ];
    for (config, problems) in cases {
        for command in commands {
            let home = Home::with(config);
            let result = home.run(command);
            assert_eq!((result.status, &*result.out), (2, ""), "{command:?} {result:?}");
            let says = |problem: &&str| result.err.contains(problem);
            assert!(problems.iter().all(says), "{command:?} {result:?}");
            assert_eq!(home.text(), config);
        }
    }
}

#[test]
fn findings_about_the_file_are_shown_with_their_line() {
    let home = Home::with(
        "model = \"o3\"\n[mcp_servers.docs]\nurl = \"https://docs.example/SECRET\"\nenabeld = false\n\
         tool_timeout_sec = \"SECRET\"\n",
    );
    let result = home.run(&["mcp", "list"]);
    assert_eq!(result.status, 2, "{result:?}");
    for part in [
        "error[misspelled-key]: unknown key `enabeld`: did you mean `enabled`?",
        "config.toml:4:1\n",
        "4 | enabeld = false\n",
        "^^^^^^^ ignored, so this server is enabled",
        "mcp_servers.docs.tool_timeout_sec: found a string\n",
        "help: expected seconds",
        "is not a valid configuration\n",
    ] {
        assert!(result.err.contains(part), "{part}: {}", result.err);
    }
    assert!(!result.err.contains("SECRET") && !result.err.contains("model"), "{}", result.err);
    // What an override repairs is no error.
    let repaired = home.run(&["mcp", "list", "-c", "mcp_servers.docs.tool_timeout_sec=1"]);
    assert_eq!(repaired.status, 0, "{repaired:?}");
    assert!(repaired.err.contains("did you mean") && !repaired.err.contains("expected"));
}

#[test]
fn a_config_that_is_not_a_text_file_is_refused() {
    let home = Home::new();
    std::fs::write(home.config(), b"# \xff\n").unwrap();
    let problem = home.run(&add());
    assert_eq!(problem.status, 2);
    assert!(problem.err.ends_with("config.toml: it is not UTF-8\n"), "{problem:?}");
    std::fs::remove_file(home.config()).unwrap();
    std::fs::create_dir(home.config()).unwrap();
    let problem = home.run(&add());
    assert!(problem.err.ends_with("config.toml: it is not a regular file\n"), "{problem:?}");
    let home = Home::with(&"#\n".repeat(2 * 1024 * 1024 + 1));
    let problem = home.run(&add());
    assert!(problem.err.contains("it is larger than 4194304 bytes"), "{problem:?}");
}

#[cfg(unix)]
#[test]
fn a_new_file_is_private_and_an_existing_one_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |home: &Home| home.config().metadata().unwrap().permissions().mode() & 0o777;
    let home = Home::new();
    home.ok(&add());
    assert_eq!(mode(&home), 0o600);
    std::fs::set_permissions(home.config(), std::fs::Permissions::from_mode(0o640)).unwrap();
    home.ok(&["mcp", "remove", "new"]);
    assert_eq!(mode(&home), 0o640);
    assert_eq!(home.files(), [".config.toml.lock", "config.toml"], "no other text is left");
    assert_eq!(home.path().join(".config.toml.lock").metadata().unwrap().len(), 0);
}

/// Each reads, edits and writes the file, and no edit is lost.
#[test]
fn concurrent_additions_are_all_kept() {
    for round in 0..3 {
        let parent = Home::new();
        let home = parent.path().join("home");
        let mut running = Vec::new();
        for number in 0..12 {
            let (name, url) = (format!("s{number}"), format!("https://{number}.example/mcp"));
            let mut command = parent.command(&["mcp", "add", &name, "--url", &url]);
            command.env("CODEX_HOME", &home).stdout(Stdio::piped()).stderr(Stdio::piped());
            running.push(command.spawn().unwrap());
        }
        for process in running {
            let result = output_of(&process.wait_with_output().unwrap());
            assert_eq!((result.status, &*result.err), (0, ""), "round {round}");
        }
        let text = std::fs::read_to_string(home.join("config.toml")).unwrap();
        let servers = text.lines().filter(|line| line.starts_with("[mcp_servers.s")).count();
        assert_eq!(servers, 12, "round {round}: {text}");
    }
}

#[test]
fn an_edit_waits_a_bounded_time_for_another() {
    let home = Home::with(SERVER);
    let lock = std::fs::File::create(home.path().join(".config.toml.lock")).unwrap();
    lock.lock().unwrap();
    let started = Instant::now();
    let stopped = home.run(&["mcp", "remove", "docs"]);
    assert!(started.elapsed() >= Duration::from_secs(5), "{:?}", started.elapsed());
    let problem = format!(
        "error: {}: another process has been editing the file for 5 seconds; \
             nothing was written, try again later\n",
        home.config().display()
    );
    assert_eq!((stopped.status, &*stopped.out, stopped.err), (1, "", problem));
    assert_eq!(home.text(), SERVER);
    let mut command = home.command(&["mcp", "remove", "docs"]);
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(home.text(), SERVER);
    drop(lock);
    let result = output_of(&waiting.wait_with_output().unwrap());
    assert_eq!((result.status, &*result.err), (0, ""));
    assert_eq!(home.text(), "");
}

#[test]
fn remove_does_not_create_a_home() {
    let parent = Home::new();
    let mut command = parent.command(&["mcp", "remove", "docs"]);
    let result =
        output_of(&command.env("CODEX_HOME", parent.path().join("home")).output().unwrap());
    assert_eq!(result.status, 1);
    assert!(result.err.starts_with("error: No MCP server named 'docs' found in "), "{result:?}");
    assert_eq!(parent.files(), [""; 0]);
}

#[test]
fn add_creates_a_missing_home() {
    let parent = Home::new();
    let home = parent.path().join("a/b");
    let mut command = parent.command(&add());
    let output = command.env("CODEX_HOME", &home).output().unwrap();
    assert_eq!(output_of(&output).status, 0, "{output:?}");
    assert!(home.join("config.toml").exists());
}

#[test]
fn without_codex_home_the_file_is_in_the_users_home() {
    let user = Home::new();
    let mut command = user.command(&add());
    let output = command.env_remove("CODEX_HOME").env("HOME", user.path()).output().unwrap();
    assert_eq!(output_of(&output).status, 0, "{output:?}");
    assert!(user.path().join(".codex/config.toml").exists());
    let nowhere = output_of(&user.command(&add()).env_remove("CODEX_HOME").output().unwrap());
    assert_eq!(nowhere.status, 2);
    assert!(nowhere.err.contains("neither CODEX_HOME nor HOME is set"), "{nowhere:?}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    use std::os::unix::fs::symlink;
    let (home, elsewhere) = (Home::new(), Home::with(SERVER));
    symlink(elsewhere.config(), home.config()).unwrap();
    home.ok(&["mcp", "remove", "docs"]);
    assert!(home.config().symlink_metadata().unwrap().is_symlink());
    assert_eq!(elsewhere.text(), "");
    // A link whose target does not exist yet.
    std::fs::remove_file(elsewhere.config()).unwrap();
    home.ok(&add());
    assert!(home.config().symlink_metadata().unwrap().is_symlink());
    assert!(elsewhere.text().contains("[mcp_servers.new]"));
}

/// Runs as `nobody` if the tests run as root, who may write everywhere.
#[cfg(unix)]
#[test]
fn an_unwritable_folder_leaves_the_file_as_it_was() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    let home = Home::with(SERVER);
    let set = |mode| {
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::set_permissions(home.config(), std::fs::Permissions::from_mode(0o644)).unwrap();
    set(0o555);
    let is_root = home.path().metadata().unwrap().uid() == 0;
    for args in [&add()[..], &["mcp", "remove", "docs"]] {
        let mut command = home.command(args);
        if is_root {
            command.uid(65534).gid(65534);
        }
        let result = output_of(&command.output().unwrap());
        assert_eq!((result.status, &*result.out), (1, ""), "{result:?}");
        let problem = format!("error: {}: cannot be written: ", home.config().display());
        assert!(result.err.starts_with(&problem), "{result:?}");
        assert_eq!(home.text(), SERVER);
    }
    set(0o755);
    assert_eq!(home.files(), ["config.toml"]);
}
