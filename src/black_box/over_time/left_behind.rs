//! The processes of a host that outlive it, told by the home in their environment.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::processes::kill;

/// How often to look.
const PAUSE: Duration = Duration::from_millis(20);

/// The names of the processes of a host with this home that are still there after `limit`. They are
/// killed then.
pub(super) fn left_behind(home: &Path, limit: Duration) -> Vec<String> {
    let deadline = Instant::now() + limit;
    loop {
        let left = in_home(home);
        if left.is_empty() || Instant::now() >= deadline {
            kill(&left.iter().map(|(id, _)| *id).collect::<Vec<_>>());
            return left.into_iter().map(|(_, name)| name).collect();
        }
        thread::sleep(PAUSE);
    }
}

/// The ids and names of the processes with this `CODEX_HOME` in their environment, as Linux shows it. One
/// that has ended and is not waited for has no environment.
#[cfg(target_os = "linux")]
fn in_home(home: &Path) -> Vec<(u32, String)> {
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    let variable = [b"CODEX_HOME=", home.as_os_str().as_bytes()].concat();
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let of_home = all.flatten().filter_map(|process| {
        let id = process.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(process.path().join("environ")).ok()?;
        if !environment.split(|byte| *byte == 0).any(|one| one == variable) {
            return None;
        }
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        Some((id, name.trim().to_string()))
    });
    of_home.collect()
}

#[cfg(not(target_os = "linux"))]
fn in_home(_: &Path) -> Vec<(u32, String)> {
    Vec::new()
}
