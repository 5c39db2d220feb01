//! Sockets that nobody else can reach: made, listened on, removed.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
#[cfg(feature = "plugin")]
use tokio::net::TcpListener;
use tokio::net::{TcpStream, UnixListener, UnixStream};

use crate::address::Address;
use crate::io::Io;

#[cfg(feature = "plugin")]
mod remains;

/// How many bytes a socket's path may have; the kernel keeps one for the end.
const LONGEST_PATH: usize = 107;

/// What the names of directories of ours begin with.
const PRIVATE: &str = "plugin-";

/// The same of a host's, for all sockets of a plugin. It is the host's to remove.
#[cfg(feature = "host")]
pub(crate) const OF_HOST: &str = "plugin-host-";

/// A socket in a directory of its own.
const SOCKET: &str = "socket";

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The path does not fit into a socket address.
    #[error(
        "the socket {path:?} has {length} bytes in its path, and no more than {LONGEST_PATH} can be: use a shorter directory"
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length, in bytes.
        length: usize,
    },
    /// The path cannot be told to the other end.
    #[error("the socket {0:?} cannot be named to the other end: its path is not UTF-8, or holds a bar or a line break")]
    PathUnspeakable(PathBuf),
    /// The group that is to reach the socket is not known.
    #[error("there is no group {0:?} for the socket")]
    UnknownGroup(String),
    /// Something failed on the way.
    #[error("cannot {step} {path:?}")]
    Unix {
        /// What failed.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A port cannot be listened on.
    #[error("no port from {first} to {last} is free")]
    Tcp {
        /// The first port that was tried.
        first: u16,
        /// The last one.
        last: u16,
        /// Why the last one is not.
        source: io::Error,
    },
    /// The range of ports is empty, or no range.
    #[error("{first:?} to {last:?} is no range of ports")]
    Ports {
        /// The first port, as it was given.
        first: String,
        /// The last one.
        last: String,
    },
}

/// Where unix sockets are made, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct SocketPlace {
    pub(crate) dir: SocketDir,
    /// Who may connect besides the owner: the name or number of a group.
    pub(crate) group: Option<String>,
}

/// The directory of a socket.
#[derive(Clone, Debug)]
pub(crate) enum SocketDir {
    /// This one, which somebody else has made and removes.
    Given(PathBuf),
    /// A directory of its own in this one, which goes with the socket.
    OwnIn(PathBuf),
}

/// A socket that is listened on. Its file goes with it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    address: Address,
    /// Goes after the socket.
    _files: Option<SocketFiles>,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixListener),
    #[cfg(feature = "plugin")]
    Tcp(TcpListener),
}

/// The files of a socket, removed with this.
#[derive(Debug)]
struct SocketFiles {
    path: PathBuf,
    dir: Option<PathBuf>,
    /// As long as it is held, whoever looks for remains leaves the directory alone.
    _lock: Option<File>,
}

/// A directory for sockets that only its owner (and a group) can enter, removed with this.
#[derive(Debug)]
pub(crate) struct PrivateDir(PathBuf);

// === impl Listener ===

impl Listener {
    /// Makes a unix socket. Nobody can connect before its mode is set, for it is listened on only then.
    pub(crate) fn unix(place: &SocketPlace) -> Result<Self, ListenError> {
        let group = place.group.as_deref().map(find_group).transpose()?;
        let (path, dir, lock) = match &place.dir {
            SocketDir::Given(dir) => (dir.join(format!("plugin{}", random())), None, None),
            SocketDir::OwnIn(parent) => {
                let dir = PrivateDir::make(parent, PRIVATE, group)?.keep();
                let lock = lock(&dir);
                (dir.join(SOCKET), Some(dir), lock)
            }
        };
        let files = SocketFiles {
            path: path.clone(),
            dir,
            _lock: lock,
        };
        speakable(&path)?;
        let socket = bind(&path, group)?;
        Ok(Self {
            socket: Socket::Unix(socket),
            address: Address::Unix(path),
            _files: Some(files),
        })
    }

    /// Listens on the first free port of this machine's own address.
    #[cfg(feature = "plugin")]
    pub(crate) async fn tcp(first: u16, last: u16) -> Result<Self, ListenError> {
        let ports = || ListenError::Ports {
            first: first.to_string(),
            last: last.to_string(),
        };
        let mut failure = ports();
        for port in first..=last {
            match TcpListener::bind(("127.0.0.1", port)).await {
                Ok(socket) => {
                    let address = socket
                        .local_addr()
                        .map_err(|source| ListenError::Tcp { first, last, source })?;
                    return Ok(Self {
                        socket: Socket::Tcp(socket),
                        address: Address::Tcp(address),
                        _files: None,
                    });
                }
                Err(source) => failure = ListenError::Tcp { first, last, source },
            }
        }
        Err(failure)
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection.
    ///
    /// # Cancel safety
    /// A connection is taken or not.
    pub(crate) async fn accept(&self) -> io::Result<Io> {
        match &self.socket {
            Socket::Unix(socket) => Ok(Box::new(socket.accept().await?.0)),
            #[cfg(feature = "plugin")]
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// Removes what plugins that were killed have left where this one has its socket. This may take a while, for many others
/// may have something there.
#[cfg(feature = "plugin")]
pub(crate) fn remove_remains(place: &SocketPlace) {
    if let SocketDir::OwnIn(parent) = &place.dir {
        remains::remove(parent);
    }
}

/// Connects to the other end.
pub(crate) async fn dial(address: &Address) -> io::Result<Io> {
    match address {
        Address::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
    }
}

fn bind(path: &Path, group: Option<u32>) -> Result<UnixListener, ListenError> {
    let failed = |step| {
        move |source: io::Error| ListenError::Unix {
            step,
            path: path.to_owned(),
            source,
        }
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(|error| failed("make the socket")(error.into()))?;
    let address = SocketAddrUnix::new(path).map_err(|error| failed("name the socket")(error.into()))?;
    rustix::net::bind(&socket, &address).map_err(|error| failed("make the socket")(error.into()))?;
    give(path, group, 0o600, 0o660)?;
    rustix::net::listen(&socket, BACKLOG).map_err(|error| failed("listen on")(error.into()))?;
    UnixListener::from_std(socket.into()).map_err(failed("listen on"))
}

/// Gives a file to its owner alone, or to the group as well.
fn give(path: &Path, group: Option<u32>, alone: u32, shared: u32) -> Result<(), ListenError> {
    let failed = |step| {
        move |source| ListenError::Unix {
            step,
            path: path.to_owned(),
            source,
        }
    };
    if let Some(group) = group {
        std::os::unix::fs::lchown(path, None, Some(group)).map_err(failed("give to the group"))?;
    }
    let mode = if group.is_some() { shared } else { alone };
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("set the mode of"))
}

fn speakable(path: &Path) -> Result<(), ListenError> {
    let length = path.as_os_str().len();
    if length > LONGEST_PATH {
        return Err(ListenError::PathTooLong {
            path: path.to_owned(),
            length,
        });
    }
    let speakable = path
        .to_str()
        .is_some_and(|path| !path.contains(['|', '\n', '\r']) && path.trim() == path);
    if speakable {
        Ok(())
    } else {
        Err(ListenError::PathUnspeakable(path.to_owned()))
    }
}

/// The number of a group that is given by number or by name.
pub(crate) fn find_group(group: &str) -> Result<u32, ListenError> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let found = nix::unistd::Group::from_name(group).ok().flatten();
    found
        .map(|group| group.gid.as_raw())
        .ok_or_else(|| ListenError::UnknownGroup(group.to_owned()))
}

/// Whether a directory is one that this crate has made: named so, and its user's own.
#[cfg(feature = "host")]
pub(crate) fn is_private(dir: &Path) -> bool {
    let is_named_so = dir.file_name().is_some_and(|name| {
        let name = name.as_bytes();
        is_named_so(name) || name.strip_prefix(OF_HOST.as_bytes()).is_some_and(is_random)
    });
    let is_own = |data: fs::Metadata| {
        use std::os::unix::fs::MetadataExt as _;
        data.is_dir() && data.uid() == nix::unistd::geteuid().as_raw()
    };
    is_named_so && fs::symlink_metadata(dir).is_ok_and(is_own)
}

/// Marks a directory as used, until the file is closed.
fn lock(dir: &Path) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::open(dir, flags, Mode::empty()).ok()?;
    rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(dir.into())
}

fn is_named_so(name: &[u8]) -> bool {
    name.strip_prefix(PRIVATE.as_bytes()).is_some_and(is_random)
}

/// Whether this is what follows a prefix in the names of private directories.
fn is_random(name: &[u8]) -> bool {
    name.len() == 16 && name.iter().all(u8::is_ascii_hexdigit)
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

// === impl PrivateDir ===

impl PrivateDir {
    /// Makes one in `parent`, or in `/tmp` where a socket's path would not fit.
    pub(crate) fn make(parent: &Path, prefix: &str, group: Option<u32>) -> Result<Self, ListenError> {
        // A name of ours, and a socket's name of up to 27 bytes in it.
        let fits = parent.as_os_str().as_bytes().len() + prefix.len() + 17 + 28 <= LONGEST_PATH;
        let parent = if fits { parent } else { Path::new("/tmp") };
        loop {
            let path = parent.join(format!("{prefix}{:016x}", random()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => {
                    return Err(ListenError::Unix {
                        step: "make the directory",
                        path,
                        source,
                    });
                }
                Ok(()) => {
                    let dir = Self(path);
                    give(&dir.0, group, 0o700, 0o770)?;
                    return Ok(dir);
                }
            }
        }
    }

    #[cfg(feature = "host")]
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// From now on somebody else removes it.
    pub(crate) fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }

    #[cfg(feature = "host")]
    pub(crate) fn adopt(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            remove(fs::remove_dir_all(&self.0), &self.0);
        }
    }
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        match &self.dir {
            Some(dir) => remove(fs::remove_dir_all(dir), dir),
            None => remove(fs::remove_file(&self.path), &self.path),
        }
    }
}

fn remove(result: io::Result<()>, path: &Path) {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "Cannot remove what is left of a socket");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    fn path_of(listener: &Listener) -> PathBuf {
        let Address::Unix(path) = listener.address() else {
            panic!("not a unix socket")
        };
        path.clone()
    }

    #[cfg(feature = "host")]
    #[test]
    fn a_directory_that_is_only_named_alike_is_not_taken_for_ours() {
        let temp = tempfile::tempdir().unwrap();
        for (name, is_ours) in [
            ("plugin-0123456789abcdef", true),
            ("plugin-host-0123456789abcdef", true),
            ("plugin-data", false),
            ("plugin-host-0123456789abcdef0", false),
        ] {
            let path = temp.path().join(name);
            assert!(!is_private(&path), "{name} is not there yet");
            fs::create_dir(&path).unwrap();
            assert_eq!(is_private(&path), is_ours, "{name}");
        }
    }

    #[tokio::test]
    async fn nobody_else_can_enter_and_nothing_is_left() {
        let temp = tempfile::tempdir().unwrap();
        let place = SocketPlace {
            dir: SocketDir::OwnIn(temp.path().to_owned()),
            group: None,
        };
        let listener = Listener::unix(&place).unwrap();
        let path = path_of(&listener);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let (dialed, accepted) = tokio::join!(dial(listener.address()), listener.accept());
        assert!(dialed.is_ok() && accepted.is_ok());
        drop(listener);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_given_directory_stays_and_its_socket_goes() {
        let temp = tempfile::tempdir().unwrap();
        let group = Some(nix::unistd::getgid().to_string());
        let place = SocketPlace {
            dir: SocketDir::Given(temp.path().to_owned()),
            group,
        };
        let listener = Listener::unix(&place).unwrap();
        let path = path_of(&listener);
        assert_eq!(path.parent(), Some(temp.path()));
        assert_eq!(mode(&path), 0o660);
        drop(listener);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_directory_that_is_too_long_is_told_or_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let deep = temp.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let given = SocketPlace {
            dir: SocketDir::Given(deep.clone()),
            group: None,
        };
        let error = Listener::unix(&given).unwrap_err();
        assert!(error.to_string().contains("use a shorter directory"), "{error}");
        let own = SocketPlace {
            dir: SocketDir::OwnIn(deep.clone()),
            group: None,
        };
        assert!(path_of(&Listener::unix(&own).unwrap()).starts_with("/tmp"));
        assert_eq!(fs::read_dir(deep).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_path_that_the_line_cannot_hold_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let bar = temp.path().join("a|b");
        fs::create_dir(&bar).unwrap();
        let error = Listener::unix(&SocketPlace {
            dir: SocketDir::Given(bar),
            group: None,
        })
        .unwrap_err();
        assert!(matches!(error, ListenError::PathUnspeakable(_)), "{error}");
    }

    #[test]
    fn groups_are_found_by_number_and_by_name() {
        assert_eq!(find_group("4711").unwrap(), 4711);
        assert_eq!(find_group("root").unwrap(), 0);
        assert!(matches!(find_group("no such group"), Err(ListenError::UnknownGroup(_))));
    }

    #[cfg(feature = "plugin")]
    #[tokio::test]
    async fn the_first_free_port_is_taken() {
        let first = Listener::tcp(0, 0).await.unwrap();
        let Address::Tcp(address) = *first.address() else {
            panic!("not tcp")
        };
        let port = address.port();
        assert!(matches!(Listener::tcp(port, port).await, Err(ListenError::Tcp { .. })));
        assert!(matches!(Listener::tcp(2, 1).await, Err(ListenError::Ports { .. })));
    }
}
