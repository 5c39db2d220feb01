//! Where a chunk is cut when a file is nearly full.

/// A newline further than this before the end of a file is not worth the space that would be left unused.
const NEWLINE_WINDOW: usize = 32 * 1024;

/// What is left of the file that is being written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Bytes until it is full.
    pub(crate) left: u64,
    /// Its size when full.
    pub(crate) whole: u64,
    /// Whether what it ends with is the end of a line.
    pub(crate) at_line_start: bool,
}

/// How many bytes of `chunk` go into the present file; 0 says that a new file has to be begun first.
///
/// A file ends at the end of a line where one is near; a line that fits into no file is cut.
pub(crate) fn fitting(chunk: &[u8], room: Room) -> usize {
    let left = usize::try_from(room.left).unwrap_or(usize::MAX);
    let Some(head) = chunk.get(..left).filter(|_| chunk.len() > left) else {
        return chunk.len();
    };
    let window = head.len().saturating_sub(NEWLINE_WINDOW);
    let tail = head.get(window..).unwrap_or_default();
    if let Some(newline) = tail.iter().rposition(|&byte| byte == b'\n') {
        return window + newline + 1;
    }
    if room.at_line_start && line_fits(chunk, room) {
        0
    } else {
        left
    }
}

/// Whether the line that `chunk` begins with could stand whole in a file of its own, and is short enough to move.
fn line_fits(chunk: &[u8], room: Room) -> bool {
    let longest = usize::try_from(room.whole).unwrap_or(usize::MAX).min(NEWLINE_WINDOW);
    let is_fresh = room.left == room.whole;
    let end = chunk.iter().take(longest).position(|&byte| byte == b'\n');
    // An end before the end of the file is that of a line which is not cut.
    !is_fresh && end.is_some_and(|end| end as u64 >= room.left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chunk: &str, left: u64, whole: u64, at_line_start: bool, expected: &str) {
        let room = Room {
            left,
            whole,
            at_line_start,
        };
        assert_eq!(&chunk[..fitting(chunk.as_bytes(), room)], expected);
    }

    #[test]
    fn what_fits_is_not_cut() {
        check("abc", 3, 5, true, "abc");
        check("", 0, 5, true, "");
    }

    #[test]
    fn a_file_ends_with_the_last_line_that_fits() {
        check("ab\ncdef\n", 5, 5, true, "ab\n");
        check("a\nb\nc\n", 5, 9, true, "a\nb\n");
    }

    #[test]
    fn a_line_that_fits_into_a_fresh_file_is_moved_there() {
        check("abc\n", 2, 5, true, "");
        check("abc\n", 2, 5, false, "ab");
    }

    #[test]
    fn a_line_that_fits_into_no_file_is_cut() {
        check("1234567890\n", 5, 5, true, "12345");
        check("1234567890\n", 3, 5, true, "123");
    }

    #[test]
    fn a_far_newline_is_no_reason_to_leave_a_file_half_empty() {
        let chunk = format!("a\n{}", "b".repeat(100_000));
        let room = Room {
            left: 65_536,
            whole: 1 << 20,
            at_line_start: true,
        };
        assert_eq!(fitting(chunk.as_bytes(), room), 65_536);
    }
}
