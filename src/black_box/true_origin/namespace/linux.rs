//! The Linux namespaces.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use rustix::mount::mount_bind;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use super::super::hosts::HOSTS;
use super::super::inside::{Inside, MARKER, NamespaceError};

/// New user, network and mount namespaces, with the user as root in them.
const UNSHARE: [&str; 2] = ["unshare", "-rnm"];

pub(super) fn run_inside() -> Result<ExitStatus, NamespaceError> {
    let [program, flags] = UNSHARE;
    let unavailable = |reason: String| NamespaceError::Unavailable(reason);
    // Try `unshare` alone first, so that its failure is not mistaken for the program's.
    let probe = Command::new(program).args([flags, "true"]).stdin(Stdio::null()).output();
    let probe = probe.map_err(|error| unavailable(format!("`{program}`: {error}")))?;
    if !probe.status.success() {
        let said = String::from_utf8_lossy(&probe.stderr);
        let said: String = said.trim().chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(unavailable(format!("`{program} {flags}` ends with {}: {said}", probe.status)));
    }
    let own = std::env::current_exe().map_err(NamespaceError::setup("find this program"))?;
    let marker = format!("{} {}", std::process::id(), network()?);
    let mut command = Command::new(program);
    command.arg(flags).arg("--").arg(own).args(std::env::args_os().skip(1));
    command.env(MARKER, marker).status().map_err(NamespaceError::setup("start this program again"))
}

/// The network namespace of this process.
fn network() -> Result<String, NamespaceError> {
    let link = fs::read_link("/proc/self/ns/net");
    let link = link.map_err(NamespaceError::setup("read /proc/self/ns/net"))?;
    Ok(link.display().to_string())
}

pub(super) fn prepare(marker: &str) -> Result<Inside, NamespaceError> {
    let wrong = |reason: &str| NamespaceError::Setup {
        step: "look where this process is",
        reason: reason.to_owned(),
    };
    // Check that this is another network, so that nothing is mounted over the system's own files.
    let (parent, outside) = marker.split_once(' ').ok_or_else(|| wrong("a foreign marker"))?;
    if outside == network()? || !routes()?.is_empty() {
        return Err(wrong(&format!(
            "{MARKER} is set, but this process is not in an isolated network; unset it"
        )));
    }
    let setup = NamespaceError::setup;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| setup("end with the parent")(error.into()))?;
    let now = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if now.as_deref() != Some(parent) {
        return Err(wrong("the process that started this one has ended"));
    }
    loopback_up().map_err(setup("bring up the interface lo"))?;
    let files = tempfile::tempdir().map_err(setup("make a temporary folder"))?;
    cover(files.path())?;
    verify()?;
    Ok(Inside { _files: files })
}

/// Asks the kernel to set the interface up: a request of 32 bytes, and its acknowledgement.
fn loopback_up() -> io::Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const REQUEST_AND_ACK: u16 = 5;
    const LOOPBACK: i32 = 1;
    const UP: u32 = 1;
    let mut request = Vec::new();
    request.extend(32_u32.to_ne_bytes());
    request.extend(RTM_NEWLINK.to_ne_bytes());
    request.extend(REQUEST_AND_ACK.to_ne_bytes());
    // Sequence and sender, then an interface of any family and type.
    request.extend([0; 12]);
    request.extend(LOOPBACK.to_ne_bytes());
    request.extend(UP.to_ne_bytes());
    request.extend(UP.to_ne_bytes());
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    rustix::net::send(&socket, &request, SendFlags::empty())?;
    let mut answer = [0_u8; 512];
    rustix::net::recv(&socket, answer.as_mut_slice(), RecvFlags::empty())?;
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Mounts files over those that configure name resolution.
fn cover(folder: &Path) -> Result<(), NamespaceError> {
    let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost\n");
    // Programs resolve the name of their own machine, which takes seconds without a name server.
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for host in HOSTS.into_iter().chain([own.as_str()]) {
        // Writing to a string does not fail.
        let _ = writeln!(hosts, "127.0.0.1 {host}");
    }
    let files = [
        ("/etc/hosts", hosts.as_str()),
        // Name services that are reached through a socket file would still answer from outside.
        ("/etc/nsswitch.conf", "hosts: files\n"),
        ("/etc/resolv.conf", "options timeout:1 attempts:1\n"),
    ];
    for (target, text) in files {
        if target != "/etc/hosts" && !Path::new(target).exists() {
            continue;
        }
        let source = folder.join(target.rsplit('/').next().unwrap_or(target));
        let step = "put a file over those of /etc";
        fs::write(&source, text).map_err(NamespaceError::setup(step))?;
        mount_bind(&source, target).map_err(|error| NamespaceError::Setup {
            step,
            reason: format!("{target}: {error}"),
        })?;
    }
    Ok(())
}

/// The interfaces, other than loopback, that have a route.
fn routes() -> Result<Vec<String>, NamespaceError> {
    let mut interfaces = Vec::new();
    for (file, is_old) in [("/proc/self/net/route", true), ("/proc/self/net/ipv6_route", false)] {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(NamespaceError::setup("read the routes")(error)),
        };
        let interface = |line: &str| {
            let mut fields = line.split_whitespace();
            let field = if is_old { fields.next() } else { fields.next_back() };
            field.unwrap_or_default().to_owned()
        };
        let lines = text.lines().skip(usize::from(is_old)).map(interface);
        interfaces.extend(lines.filter(|name| name != "lo"));
    }
    Ok(interfaces)
}

fn verify() -> Result<(), NamespaceError> {
    let step = "look whether all is as it should be";
    let wrong = |reason: String| NamespaceError::Setup { step, reason };
    if let Some(interface) = routes()?.first() {
        return Err(wrong(format!("there is a way out by the interface {interface}")));
    }
    for host in HOSTS {
        let found = (host, 443).to_socket_addrs();
        let found = found.map_err(|error| wrong(format!("{host} is not found: {error}")))?;
        let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
        if addresses.is_empty() || addresses.iter().any(|address| *address != own) {
            let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            let addresses = addresses.join(", ");
            return Err(wrong(format!("{host} is {addresses}, expected 127.0.0.1 alone")));
        }
    }
    Ok(())
}
