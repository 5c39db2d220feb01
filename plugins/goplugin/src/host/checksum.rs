//! The checksum of a program, known before it is started.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest, Sha256, Sha512};

/// The checksum that a program's file must have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checksum {
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-512.
    Sha512([u8; 64]),
}

impl Checksum {
    /// Whether the file's content has it; and the file, which is what has to be started then: the name may mean another
    /// one by now.
    pub(super) fn verify(&self, path: &Path) -> io::Result<Option<File>> {
        let mut file = File::open(path)?;
        let right = match self {
            Self::Sha256(expected) => digest::<Sha256>(&mut file)? == expected,
            Self::Sha512(expected) => digest::<Sha512>(&mut file)? == expected,
        };
        Ok(right.then_some(file))
    }
}

fn digest<D: Digest>(file: &mut File) -> io::Result<Vec<u8>> {
    let (mut hash, mut chunk) = (D::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hash.finalize().to_vec()),
            read => hash.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}
