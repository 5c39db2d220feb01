//! Directory names for tasks.

/// The longest name that is kept as it is; the kernel's limit is 255.
const LONGEST: usize = 200;

/// A directory name for `task`: slashes become dots; a name that had to be changed in any other way, or is too long,
/// ends in a hash of the original, so that no two tasks share a cgroup.
pub(super) fn directory(task: &str) -> String {
    let dotted = task.replace('/', ".");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !dotted.is_empty() && dotted.len() <= LONGEST && !dotted.starts_with('.') && dotted.chars().all(plain) {
        return dotted;
    }
    let cleaned: String = dotted
        .chars()
        .take(LONGEST)
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    format!("_{cleaned}.{:016x}", fnv1a(task.as_bytes()))
}

/// FNV-1a: stable over versions and machines, which a standard hasher is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
