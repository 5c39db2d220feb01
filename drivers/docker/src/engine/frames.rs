//! The framing of output without a terminal: eight bytes of header, then one piece of a stream.

use bytes::{Buf, BytesMut};

/// A piece of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is standard error.
    pub stderr: bool,
    /// The bytes.
    pub payload: BytesMut,
}

/// Takes the engine's frames apart. Feed it with whatever was read; take frames until there are none.
#[derive(Debug, Default)]
pub struct Demux {
    pending: BytesMut,
}

impl Demux {
    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next complete frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let header: [u8; 8] = self.pending.get(..8)?.try_into().ok()?;
        let [stream, _, _, _, a, b, c, d] = header;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        if self.pending.len() < length + 8 {
            return None;
        }
        self.pending.advance(8);
        Some(Frame {
            stderr: stream == 2,
            payload: self.pending.split_to(length),
        })
    }

    /// Whether a frame was begun and not completed.
    pub fn is_partial(&self) -> bool {
        !self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn frames_come_out_whole_however_they_went_in() {
        let wire = [frame(1, b"out"), frame(2, b""), frame(2, b"err\x01\x00")].concat();
        for step in 1..wire.len() {
            let mut demux = Demux::default();
            let mut got = Vec::new();
            for piece in wire.chunks(step) {
                demux.feed(piece);
                while let Some(frame) = demux.next_frame() {
                    got.push((frame.stderr, frame.payload.to_vec()));
                }
            }
            let want = [
                (false, b"out".to_vec()),
                (true, vec![]),
                (true, b"err\x01\x00".to_vec()),
            ];
            assert_eq!(got, want, "in pieces of {step}");
            assert!(!demux.is_partial());
        }
    }
}
