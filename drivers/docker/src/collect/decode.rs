//! The engine's own json log lines, back into bytes.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

/// Output that was decoded and not yet written.
#[derive(Debug, Default)]
pub struct Batch {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Lines that could not be read.
    pub malformed: u64,
}

impl Batch {
    /// Forgets all of it and keeps the memory.
    pub fn clear(&mut self) {
        self.stdout.clear();
        self.stderr.clear();
        self.malformed = 0;
    }

    /// Decodes all complete lines at the front of `json` and returns their length in bytes.
    ///
    /// A line that the engine was killed in the middle of has the next one right behind it; that one is still read.
    pub fn decode(&mut self, json: &[u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = json.get(done..).filter(|rest| !rest.is_empty()) {
            let Some(end) = memchr::memchr(b'\n', rest) else { break };
            self.line(rest.get(..end).unwrap_or_default());
            done += end + 1;
        }
        done
    }

    fn line(&mut self, line: &[u8]) {
        // A hole: a machine that lost power can leave zeros.
        let line = line.trim_ascii().trim_start_matches_zeros();
        if line.is_empty() || self.entry(line) {
            return;
        }
        self.malformed += 1;
        let torn = memchr::memmem::rfind(line, b"{\"log\":").filter(|at| *at > 0);
        if let Some(second) = torn.and_then(|at| line.get(at..)) {
            self.entry(second);
        }
    }

    /// Decodes one entry to the end of the right stream; whether it was one.
    fn entry(&mut self, line: &[u8]) -> bool {
        let (out, err) = (self.stdout.len(), self.stderr.len());
        let mut parser = serde_json::Deserializer::from_slice(line);
        let parsed = Entry(self).deserialize(&mut parser).and_then(|()| parser.end());
        if parsed.is_err() {
            self.stdout.truncate(out);
            self.stderr.truncate(err);
        }
        parsed.is_ok()
    }
}

trait TrimZeros {
    fn trim_start_matches_zeros(&self) -> &[u8];
}

impl TrimZeros for [u8] {
    fn trim_start_matches_zeros(&self) -> &[u8] {
        let zeros = self.iter().take_while(|byte| **byte == 0).count();
        self.get(zeros..).unwrap_or_default()
    }
}

/// Reads `{"log":"…","stream":"…",…}` straight into a batch: the text goes to standard output and moves over if the
/// stream turns out to be the other one.
struct Entry<'b>(&'b mut Batch);

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let before = self.0.stdout.len();
        let mut seen_log = false;
        let mut stderr = false;
        while let Some(key) = map.next_key_seed(Key)? {
            match key {
                Field::Log => {
                    map.next_value_seed(Text(&mut self.0.stdout))?;
                    seen_log = true;
                }
                Field::Stream => stderr = matches!(map.next_value_seed(StreamName)?, Field::Stderr),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !seen_log {
            return Err(A::Error::missing_field("log"));
        }
        if stderr {
            self.0.stderr.extend(self.0.stdout.drain(before..));
        }
        Ok(())
    }
}

/// The names that matter.
enum Field {
    Log,
    Stream,
    Stderr,
    Other,
}

struct Key;
struct StreamName;
struct Text<'b>(&'b mut Vec<u8>);

macro_rules! text_seed {
    ($seed:ty, $value:ty, $take:expr) => {
        impl<'de> DeserializeSeed<'de> for $seed {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_str(self)
            }
        }

        impl Visitor<'_> for $seed {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$value, E> {
                let take: fn($seed, &str) -> $value = $take;
                Ok(take(self, text))
            }
        }
    };
}

text_seed!(Key, Field, |_, text| match text {
    "log" => Field::Log,
    "stream" => Field::Stream,
    _ => Field::Other,
});
text_seed!(StreamName, Field, |_, text| if text == "stderr" {
    Field::Stderr
} else {
    Field::Other
});
text_seed!(Text<'_>, (), |to, text| to.0.extend_from_slice(text.as_bytes()));

#[cfg(test)]
mod tests;
