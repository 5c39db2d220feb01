//! A task's output, cut into lines.

/// A line longer than this comes in pieces.
const MAX_LINE: usize = 64 * 1024;

/// What of a stream is no whole line yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes, and gives the lines that are whole by now, each with its newline. Of a line that is too long
    /// it gives the first piece, which ends between characters and has none.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1);
        let rest = match whole {
            Some(end) => self.rest.split_off(end),
            None if self.rest.len() > MAX_LINE => self.rest.split_off(last_boundary(&self.rest)),
            None => return Vec::new(),
        };
        let given = std::mem::replace(&mut self.rest, rest);
        given
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }

    /// The last line, if nothing ended it.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then_some(rest)
    }
}

/// Where a text can be cut without cutting its last character, which may not have come whole.
fn last_boundary(bytes: &[u8]) -> usize {
    const LONGEST: usize = 4;
    let is_continuation = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let start = bytes
        .iter()
        .rposition(|byte| !is_continuation(byte))
        .unwrap_or_default();
    let is_text = bytes.len() - start <= LONGEST && bytes.get(start).is_some_and(|byte| !byte.is_ascii());
    if is_text { start } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_their_bytes_come() {
        let mut lines = Lines::default();
        let mut given = Vec::new();
        for byte in b"one\n\ntwo\nthree" {
            given.extend(lines.push(&[*byte]));
        }
        assert_eq!(given, [b"one\n".to_vec(), b"\n".to_vec(), b"two\n".to_vec()]);
        assert_eq!(lines.finish(), Some(b"three".to_vec()));
        assert_eq!(lines.finish(), None);
    }

    #[test]
    fn a_line_without_end_comes_in_pieces_that_cut_no_character() {
        let text = "é".repeat(2 * MAX_LINE);
        let mut lines = Lines::default();
        let mut given = Vec::new();
        for chunk in text.as_bytes().chunks(1009) {
            given.extend(lines.push(chunk));
        }
        assert!(given.len() > 1);
        given.extend(lines.finish());
        let pieces = given.into_iter().map(|piece| String::from_utf8(piece).unwrap());
        assert_eq!(pieces.collect::<String>(), text);
    }

    #[test]
    fn bytes_that_are_no_text_are_held_back_no_longer_than_others() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(&vec![0x80; MAX_LINE + 1]).concat().len(), MAX_LINE + 1);
    }
}
