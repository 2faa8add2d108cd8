//! The descendants of a server that left its process group.
//!
//! A signal to the group does not reach them. On Linux they are found as children of children of the
//! server, while it lives. A process whose parents have exited belongs to nobody and is not found.

/// Descendants of one server outside of its group, each held by a descriptor: the id of a process may
/// be used again, its descriptor is not.
#[derive(Default)]
pub(super) struct Strays {
    #[cfg(target_os = "linux")]
    found: std::collections::BTreeMap<i32, std::os::fd::OwnedFd>,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use rustix::process::{Pid, PidfdFlags, Signal, getpgid, pidfd_open, pidfd_send_signal};

    use super::Strays;

    /// The most processes that are looked at: a server may start processes without end.
    const MAX_PROCESSES: usize = 10_000;

    impl Strays {
        /// Adds the current strays of the server that leads this group.
        pub(crate) fn look(&mut self, leader: i32) {
            let mut left = vec![leader];
            let mut seen = 0;
            while let Some(parent) = left.pop() {
                for child in children(parent) {
                    seen += 1;
                    if seen > MAX_PROCESSES {
                        return;
                    }
                    left.push(child);
                    if !self.found.contains_key(&child) {
                        self.add(parent, child, leader);
                    }
                }
            }
        }

        fn add(&mut self, parent: i32, child: i32, leader: i32) {
            let Some(pid) = Pid::from_raw(child) else { return };
            let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else { return };
            // Only now it is certain whose id this is.
            let strayed =
                getpgid(Some(pid)).is_ok_and(|group| group.as_raw_nonzero().get() != leader);
            if strayed && children(parent).contains(&child) {
                self.found.insert(child, descriptor);
            }
        }

        /// Kills them.
        pub(crate) fn kill(&mut self) {
            for (_, process) in std::mem::take(&mut self.found) {
                // Fails if it has exited, which is the goal.
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
        }
    }

    /// The children of all threads of a process; empty if the kernel does not tell.
    fn children(parent: i32) -> Vec<i32> {
        let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
        let of_thread = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children"));
        let texts = threads.flatten().flat_map(of_thread);
        texts
            .flat_map(|text| text.split_whitespace().flat_map(str::parse).collect::<Vec<_>>())
            .collect()
    }
}

#[cfg(not(target_os = "linux"))]
impl Strays {
    pub(super) fn look(&mut self, _: i32) {}

    pub(super) fn kill(&mut self) {}
}
