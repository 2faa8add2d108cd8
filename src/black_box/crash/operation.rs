//! The file operations among the system calls of Linux: those that change a file or a folder, or
//! bring it to disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// The longest path to read, in bytes.
const LONGEST_PATH: usize = 4096;

/// Where a system call names a file: in these arguments.
#[derive(Clone, Copy)]
enum Place {
    /// A path.
    Path(usize),
    /// The descriptor of a folder, and a path in it.
    At(usize, usize),
    /// A descriptor.
    Descriptor(usize),
}

/// A system call: its number and its arguments.
struct Call {
    number: i64,
    arguments: [u64; 6],
}

/// The file operation that a thread is about to do in this folder, such as `rename .tmpX auth.json`.
pub(super) fn in_folder(thread: Pid, folder: &Path) -> Option<String> {
    let call = Call::of(thread)?;
    let (name, places) = call.operation()?;
    let paths: Vec<PathBuf> = places.iter().filter_map(|place| call.path(thread, *place)).collect();
    if !paths.iter().any(|path| path.starts_with(folder)) {
        return None;
    }
    let shown = paths.iter().map(|path| {
        let path = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        // One operation is one line.
        path.replace(char::is_control, "?")
    });
    let shown: Vec<String> =
        shown.map(|path| if path.is_empty() { ".".into() } else { path }).collect();
    Some(format!("{name} {}", shown.join(" ")))
}

impl Call {
    #[cfg(target_arch = "x86_64")]
    fn of(thread: Pid) -> Option<Self> {
        let registers = ptrace::getregs(thread).ok()?;
        let number = i64::try_from(registers.orig_rax).ok()?;
        let arguments = [
            registers.rdi,
            registers.rsi,
            registers.rdx,
            registers.r10,
            registers.r8,
            registers.r9,
        ];
        Some(Call { number, arguments })
    }

    #[cfg(target_arch = "aarch64")]
    fn of(thread: Pid) -> Option<Self> {
        let registers = ptrace::getregs(thread).ok()?;
        let [a, b, c, d, e, f, _, _, number, ..] = registers.regs;
        Some(Call { number: i64::try_from(number).ok()?, arguments: [a, b, c, d, e, f] })
    }

    fn argument(&self, place: usize) -> u64 {
        self.arguments.get(place).copied().unwrap_or_default()
    }

    /// The name of the operation, and where its files are named.
    fn operation(&self) -> Option<(&'static str, &'static [Place])> {
        use Place::{At, Descriptor};
        const NEW: &[Place] = &[Descriptor(0)];
        #[cfg(target_arch = "x86_64")]
        if let Some(older) = self.older_operation() {
            return Some(older);
        }
        Some(match self.number {
            libc::SYS_openat if changes(self.argument(2)) => ("open", &[At(0, 1)]),
            // Its flags are in memory: any use counts.
            libc::SYS_openat2 => ("open", &[At(0, 1)]),
            libc::SYS_write | libc::SYS_pwrite64 => ("write", NEW),
            libc::SYS_writev | libc::SYS_pwritev | libc::SYS_pwritev2 => ("write", NEW),
            libc::SYS_sendfile => ("write", NEW),
            libc::SYS_copy_file_range => ("write", &[Descriptor(2)]),
            libc::SYS_ftruncate => ("truncate", NEW),
            libc::SYS_truncate => ("truncate", &[Place::Path(0)]),
            libc::SYS_fallocate => ("allocate", NEW),
            libc::SYS_fsync | libc::SYS_fdatasync => ("sync", NEW),
            libc::SYS_fchmod => ("chmod", NEW),
            libc::SYS_fchmodat => ("chmod", &[At(0, 1)]),
            libc::SYS_renameat | libc::SYS_renameat2 => ("rename", &[At(0, 1), At(2, 3)]),
            libc::SYS_linkat => ("link", &[At(0, 1), At(2, 3)]),
            libc::SYS_symlinkat => ("symlink", &[At(1, 2)]),
            libc::SYS_unlinkat => ("unlink", &[At(0, 1)]),
            libc::SYS_mkdirat => ("mkdir", &[At(0, 1)]),
            _ => return None,
        })
    }

    /// The calls that only older architectures have.
    #[cfg(target_arch = "x86_64")]
    fn older_operation(&self) -> Option<(&'static str, &'static [Place])> {
        use Place::Path;
        Some(match self.number {
            libc::SYS_open if changes(self.argument(1)) => ("open", &[Path(0)]),
            libc::SYS_creat => ("open", &[Path(0)]),
            libc::SYS_rename => ("rename", &[Path(0), Path(1)]),
            libc::SYS_link => ("link", &[Path(0), Path(1)]),
            libc::SYS_symlink => ("symlink", &[Path(1)]),
            libc::SYS_unlink => ("unlink", &[Path(0)]),
            libc::SYS_rmdir => ("rmdir", &[Path(0)]),
            libc::SYS_mkdir => ("mkdir", &[Path(0)]),
            libc::SYS_chmod => ("chmod", &[Path(0)]),
            _ => return None,
        })
    }

    fn path(&self, thread: Pid, place: Place) -> Option<PathBuf> {
        let (folder, path) = match place {
            Place::Descriptor(number) => return descriptor(thread, self.argument(number)),
            Place::Path(path) => (None, path),
            Place::At(folder, path) => (Some(self.argument(folder)), path),
        };
        let path = text_at(thread, self.argument(path))?;
        if path.is_absolute() {
            return Some(path);
        }
        let folder = match folder {
            Some(number) if number.cast_signed() as i32 != libc::AT_FDCWD => {
                descriptor(thread, number)?
            }
            _ => std::fs::read_link(format!("/proc/{thread}/cwd")).ok()?,
        };
        Some(folder.join(path))
    }
}

/// Whether a file that is opened with these flags may change.
fn changes(flags: u64) -> bool {
    let writing = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
    u64::try_from(writing).is_ok_and(|writing| flags & writing != 0)
}

/// The file of a descriptor; `None` for a socket or a pipe.
fn descriptor(thread: Pid, number: u64) -> Option<PathBuf> {
    let path = std::fs::read_link(format!("/proc/{thread}/fd/{number}")).ok()?;
    path.is_absolute().then_some(path)
}

/// A path in the memory of a thread.
fn text_at(thread: Pid, address: u64) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let memory = File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = vec![0; LONGEST_PATH];
    // Less where the next page is missing.
    let read = memory.read_at(&mut bytes, address).ok()?;
    bytes.truncate(read);
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.truncate(end);
    Some(std::ffi::OsString::from_vec(bytes).into())
}
