//! What the verbs need of the machine, and where it is found.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Something that the machine needs to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// The Debian packages that bring it, the first one known to apt being the one to take.
    pub(crate) packages: &'static [&'static str],
    pub(crate) why: &'static str,
    /// Without it no verb works; without any other, only some tests are left out.
    pub(crate) required: bool,
    present: fn() -> bool,
}

impl Tool {
    pub(crate) fn present(&self) -> bool {
        (self.present)()
    }
}

pub(crate) const TOOLS: [Tool; 14] = [
    Tool {
        name: "C linker",
        packages: &["gcc"],
        why: "links every program here",
        required: true,
        present: || find("cc").is_some(),
    },
    Tool {
        name: "C library headers",
        packages: &["libc6-dev"],
        why: "what the linker links with",
        required: true,
        // Only their presence beside a linker matters, and a linker that is there came with them.
        present: || find("cc").is_some() || Path::new("/usr/include/stdio.h").exists(),
    },
    Tool {
        name: "Docker Engine",
        packages: &["docker.io"],
        why: "runs the containers of the docker driver",
        required: false,
        present: || find("dockerd").is_some(),
    },
    Tool {
        name: "docker command",
        packages: &["docker-cli", "docker.io"],
        why: "makes the images of the docker tests",
        required: false,
        present: || find("docker").is_some(),
    },
    Tool {
        name: "Docker registry",
        packages: &["docker-registry"],
        why: "is a real registry for the tests of image pulls",
        required: false,
        present: || find("docker-registry").is_some(),
    },
    Tool {
        name: "runc",
        packages: &["runc"],
        why: "runs containers, and is the peer in the exec benches",
        required: false,
        present: || find("runc").is_some(),
    },
    Tool {
        name: "busybox (static)",
        packages: &["busybox-static"],
        why: "is the whole of the images and root file systems of tests and demo",
        required: false,
        present: || is_static(Path::new("/bin/busybox")),
    },
    Tool {
        name: "CNI plugins",
        packages: &["containernetworking-plugins"],
        why: "give task groups their networks",
        required: false,
        present: || {
            ["/usr/lib/cni/bridge", "/opt/cni/bin/bridge"]
                .iter()
                .any(|plugin| Path::new(plugin).exists())
        },
    },
    Tool {
        name: "Java",
        packages: &["default-jre-headless"],
        why: "runs the tasks of the java driver",
        required: false,
        present: || find("java").is_some(),
    },
    Tool {
        name: "nftables",
        packages: &["nftables"],
        why: "tells whether a test has left packet filter rules behind",
        required: false,
        present: || find("nft").is_some(),
    },
    Tool {
        name: "iptables",
        packages: &["iptables"],
        why: "is what the engine and the CNI plugins publish ports with",
        required: false,
        present: || find("iptables").is_some(),
    },
    Tool {
        name: "iproute2",
        packages: &["iproute2"],
        why: "sets the links of network namespaces up",
        required: false,
        present: || find("ip").is_some(),
    },
    Tool {
        name: "curl",
        packages: &["curl"],
        why: "fetches a Go toolchain for the interop tests where there is none",
        required: false,
        present: || crate::go::find().is_some() || find("curl").is_some(),
    },
    Tool {
        name: "unzip",
        packages: &["unzip"],
        why: "unpacks that toolchain",
        required: false,
        present: || crate::go::find().is_some() || find("unzip").is_some(),
    },
];

/// A program in the search path, or in the system folders that a user's path leaves out.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Whether a program needs no dynamic loader, so that it runs in an empty root file system.
fn is_static(program: &Path) -> bool {
    let segments = || -> std::io::Result<Option<bool>> {
        let mut file = fs::File::open(program)?;
        let mut head = [0; 64];
        file.read_exact(&mut head)?;
        let Some((offset, size)) = program_headers(&head) else {
            return Ok(None);
        };
        let mut table = vec![0; size];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut table)?;
        Ok(Some(has_interpreter(&table)))
    };
    matches!(segments(), Ok(Some(false)))
}

/// The size of one entry of the program header table of a 64-bit ELF file.
const ENTRY: usize = 56;

/// The type of the entry that names a dynamic loader (`PT_INTERP`).
const INTERPRETER: u32 = 3;

/// Where the program header table of a little-endian 64-bit ELF file is, and its size in bytes.
fn program_headers(head: &[u8; 64]) -> Option<(u64, usize)> {
    let offset = u64::from_le_bytes(*head.get(32..)?.first_chunk()?);
    let count = u16::from_le_bytes(*head.get(56..)?.first_chunk()?);
    head.starts_with(b"\x7fELF\x02\x01")
        .then_some((offset, usize::from(count) * ENTRY))
}

fn has_interpreter(table: &[u8]) -> bool {
    let kind = |entry: &[u8]| entry.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    table.chunks_exact(ENTRY).any(|entry| kind(entry) == Some(INTERPRETER))
}

#[cfg(test)]
mod tests {
    use super::{ENTRY, find, has_interpreter, is_static, program_headers};
    use std::path::Path;

    #[test]
    fn programs_are_found_by_name() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("encamp-no-such-program"), None);
        assert_eq!(find("."), None, "a directory is no program");
    }

    #[test]
    fn a_program_with_a_loader_is_not_static() {
        assert!(!is_static(Path::new("/bin/sh")));
        assert!(!is_static(Path::new("/etc/passwd")));
        assert!(!is_static(Path::new("/nowhere")));
    }

    #[test]
    fn the_table_of_segments_is_read() {
        let mut head = [0; 64];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        head[32] = 64;
        head[56] = 2;
        assert_eq!(program_headers(&head), Some((64, 2 * ENTRY)));
        head[4] = 1;
        assert_eq!(program_headers(&head), None, "a 32-bit file");
        let mut table = vec![0; 2 * ENTRY];
        table[0] = 1;
        assert!(!has_interpreter(&table));
        table[ENTRY] = 3;
        assert!(has_interpreter(&table));
    }
}
