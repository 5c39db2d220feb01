//! An image made of the machine's own busybox, since no registry may be in reach.

use std::path::Path;

use anyhow::{Context, Result};

use crate::shell::Cmd;

/// A tar archive of a root file system: busybox, a link for each of its applets, and the least of `/etc` and `/tmp`.
pub(crate) fn busybox(program: &Path) -> Result<Vec<u8>> {
    let contents = std::fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let applets = Cmd::new(program).arg("--list").quiet().read()?;
    let mut archive = Vec::new();
    for directory in ["bin/", "etc/", "root/", "dev/", "proc/", "sys/"] {
        entry(&mut archive, directory, 0o755, &Kind::Directory);
    }
    entry(&mut archive, "tmp/", 0o1777, &Kind::Directory);
    let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
    entry(&mut archive, "etc/passwd", 0o644, &Kind::File(passwd.as_bytes()));
    entry(
        &mut archive,
        "etc/group",
        0o644,
        &Kind::File(b"root:x:0:\nnogroup:x:65534:\n"),
    );
    entry(&mut archive, "bin/busybox", 0o755, &Kind::File(&contents));
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        entry(&mut archive, &format!("bin/{applet}"), 0o777, &Kind::Link("busybox"));
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Ok(archive)
}

/// The unit of a tar archive, in bytes.
const BLOCK: usize = 512;

enum Kind<'a> {
    Directory,
    File(&'a [u8]),
    Link(&'a str),
}

/// Appends a header (POSIX ustar) and the contents, filled up to a whole block.
fn entry(archive: &mut Vec<u8>, name: &str, mode: u32, kind: &Kind<'_>) {
    let (flag, link, contents): (u8, &str, &[u8]) = match *kind {
        Kind::Directory => (b'5', "", &[]),
        Kind::File(contents) => (b'0', "", contents),
        Kind::Link(to) => (b'2', to, &[]),
    };
    let fields = |checksum: &str| {
        let mut header = Vec::with_capacity(BLOCK);
        field(&mut header, name, 100);
        field(&mut header, &format!("{mode:07o}"), 8);
        field(&mut header, "0000000", 8); // uid
        field(&mut header, "0000000", 8); // gid
        field(&mut header, &format!("{:011o}", contents.len()), 12);
        field(&mut header, "00000000000", 12); // time
        field(&mut header, checksum, 8);
        header.push(flag);
        field(&mut header, link, 100);
        field(&mut header, "ustar\x0000", 8);
        header.resize(BLOCK, 0);
        header
    };
    // The checksum is counted over a header that has blanks in its place.
    let sum: u32 = fields("        ").iter().map(|byte| u32::from(*byte)).sum();
    archive.extend(fields(&format!("{sum:06o}\0 ")));
    archive.extend(contents);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}

fn field(header: &mut Vec<u8>, text: &str, width: usize) {
    let end = header.len() + width;
    header.extend(text.bytes().take(width));
    header.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Kind, entry};
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn tar_reads_what_is_written() {
        let mut archive = Vec::new();
        entry(&mut archive, "d/", 0o755, &Kind::Directory);
        entry(&mut archive, "d/file", 0o640, &Kind::File(b"hello"));
        entry(&mut archive, "d/link", 0o777, &Kind::Link("file"));
        archive.resize(archive.len() + 2 * BLOCK, 0);
        let mut tar = Command::new("tar")
            .args(["--numeric-owner", "--utc", "-tvf", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin.take().unwrap().write_all(&archive).unwrap();
        let output = tar.wait_with_output().unwrap();
        assert!(output.status.success());
        let listing = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Vec<_>> = listing.lines().map(|line| line.split_whitespace().collect()).collect();
        let wanted = [
            "drwxr-xr-x 0/0 0 1970-01-01 00:00 d/",
            "-rw-r----- 0/0 5 1970-01-01 00:00 d/file",
            "lrwxrwxrwx 0/0 0 1970-01-01 00:00 d/link -> file",
        ];
        assert_eq!(lines, wanted.map(|line| line.split(' ').collect::<Vec<_>>()));
    }
}
