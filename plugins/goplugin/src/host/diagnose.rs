//! What may be wrong with a program that does not start, or says nothing that a plugin says.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The machines that programs are built for, by their number in an ELF header.
const MACHINES: [(u16, &str); 6] = [
    (3, "x86"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
    (22, "s390x"),
];

/// What is strange about `program`, if anything.
pub(super) fn diagnose(program: &Path) -> Option<String> {
    let metadata = match fs::metadata(program) {
        Ok(metadata) => metadata,
        Err(error) => return Some(format!("the file cannot be looked at: {error}")),
    };
    if !metadata.is_file() {
        return Some("it is no regular file".to_owned());
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o111 == 0 {
        return Some(format!(
            "nobody may execute the file: its mode is {mode:04o}, make it 0755"
        ));
    }
    let mut head = [0; 20];
    let mut file = fs::File::open(program).ok()?;
    if file.read_exact(&mut head).is_err() {
        return Some("the file is too short to be a program".to_owned());
    }
    what_is(head).or_else(|| {
        let (owner, group) = (metadata.uid(), metadata.gid());
        let own = own_ids();
        let mine = owner == own.0 || group == own.1 || mode & 0o001 != 0 || own.0 == 0;
        (!mine).then(|| {
            format!(
                "the file is user {owner}'s and group {group}'s with mode {mode:04o}, and this is user {}",
                own.0
            )
        })
    })
}

fn own_ids() -> (u32, u32) {
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
}

/// What a file with this head is, unless it is a program of this machine.
fn what_is(head: [u8; 20]) -> Option<String> {
    match head {
        [0x7f, b'E', b'L', b'F', _, order, .., low, high] => {
            let machine = if order == 2 {
                u16::from_be_bytes([low, high])
            } else {
                u16::from_le_bytes([low, high])
            };
            let known = MACHINES.iter().find(|(number, _)| *number == machine);
            let name = known.map_or_else(|| format!("machine {machine}"), |(_, name)| (*name).to_owned());
            let here = std::env::consts::ARCH;
            (name != here).then(|| format!("it is built for {name}, and this machine is {here}"))
        }
        [b'#', b'!', ..] => Some("it is a script".to_owned()),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => Some("it is built for macOS".to_owned()),
        [b'M', b'Z', ..] => Some("it is built for Windows".to_owned()),
        _ => Some("it is no program".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[track_caller]
    fn check(content: &[u8], mode: u32, expected: Option<&str>) {
        let temp = tempfile::tempdir().unwrap();
        let program = temp.path().join("program");
        fs::write(&program, content).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(mode)).unwrap();
        let found = diagnose(&program);
        match expected {
            Some(expected) => assert!(
                found.as_ref().is_some_and(|found| found.contains(expected)),
                "{found:?}"
            ),
            None => assert_eq!(found, None),
        }
    }

    fn elf(machine: u8) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(18, 0);
        head.extend([machine, 0, 0, 0]);
        head
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        check(b"#!/bin/sh\necho hello, world\n", 0o755, Some("script"));
        check(b"hello, world, this is text", 0o755, Some("no program"));
        check(b"", 0o755, Some("too short"));
        check(&elf(62), 0o644, Some("0644"));
        check(&elf(8), 0o755, Some("machine 8"));
        check(b"MZ..................", 0o755, Some("Windows"));
        let here = MACHINES
            .iter()
            .find(|(_, name)| *name == std::env::consts::ARCH)
            .unwrap();
        check(&elf(u8::try_from(here.0).unwrap()), 0o755, None);
        assert!(diagnose(Path::new("/nonexistent")).unwrap().contains("No such file"));
        assert!(diagnose(Path::new("/tmp")).unwrap().contains("no regular file"));
    }
}
