//! Requests whose answer is a stream of bytes: logs and exec sessions.
//!
//! They go over a socket of their own. The client library guesses the framing of such streams from their first byte,
//! which eats output of terminals; here nothing is guessed.

use std::path::Path;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{EngineError, EngineResult};

/// How long the engine may take until it begins to answer.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);
const HEAD_LIMIT: usize = 64 * 1024;

/// An answered request: what was read past the head, and the socket.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) begun: BytesMut,
    pub(super) socket: UnixStream,
}

/// A `GET` whose answer ends with the connection.
pub(super) async fn get(socket: &Path, target: &str) -> EngineResult<Answer> {
    // HTTP/1.0 has no chunks: the body is the bytes themselves.
    let head = format!("GET {target} HTTP/1.0\r\nHost: docker\r\n\r\n");
    open(socket, "logs", head.as_bytes()).await
}

/// A `POST` after which the connection belongs to a session.
pub(super) async fn upgrade(socket: &Path, target: &str, body: &str) -> EngineResult<Answer> {
    let length = body.len();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    open(socket, "exec start", request.as_bytes()).await
}

async fn open(socket: &Path, call: &'static str, request: &[u8]) -> EngineResult<Answer> {
    tokio::time::timeout(HEAD_DEADLINE, exchange(socket, call, request))
        .await
        .map_err(|_| EngineError::Timeout {
            call,
            after: HEAD_DEADLINE,
        })?
}

async fn exchange(path: &Path, call: &'static str, request: &[u8]) -> EngineResult<Answer> {
    let lost = |error: std::io::Error| EngineError::Unreachable(format!("{}: {error}", path.display()));
    let mut socket = UnixStream::connect(path).await.map_err(lost)?;
    socket.write_all(request).await.map_err(lost)?;
    let mut begun = BytesMut::with_capacity(8 * 1024);
    let end = loop {
        if let Some(end) = end_of_head(&begun) {
            break end;
        }
        if begun.len() > HEAD_LIMIT || socket.read_buf(&mut begun).await.map_err(lost)? == 0 {
            return Err(EngineError::Unreachable(
                "connection closed before an answer".to_owned(),
            ));
        }
    };
    let status = status_of(&begun).ok_or_else(|| EngineError::Protocol {
        call,
        reason: "no HTTP status".to_owned(),
    })?;
    begun.advance(end);
    if status < 400 {
        return Ok(Answer { begun, socket });
    }
    // The refusal's text; a connection that breaks here has said enough.
    let refusal = async { while begun.len() < HEAD_LIMIT && matches!(socket.read_buf(&mut begun).await, Ok(1..)) {} };
    let _in_time = tokio::time::timeout(Duration::from_secs(1), refusal).await;
    Err(EngineError::from_status(status, message_of(&begun)))
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let text = std::str::from_utf8(line).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

fn message_of(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        message: String,
    }
    // The body may be chunked: the object is what stands between the braces.
    let text = String::from_utf8_lossy(body);
    let object = text
        .find('{')
        .zip(text.rfind('}'))
        .and_then(|(from, to)| text.get(from..=to));
    match object.and_then(|json| serde_json::from_str::<Refusal>(json).ok()) {
        Some(refusal) => refusal.message,
        None => text.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_refusals_are_read() {
        let answer = b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n1c\r\n{\"message\":\"no such thing\"}\r\n0\r\n\r\n";
        assert_eq!(status_of(answer), Some(404));
        let end = end_of_head(answer).unwrap();
        assert_eq!(message_of(&answer[end..]), "no such thing");
        assert_eq!(message_of(b" plain \n"), "plain");
        assert_eq!(status_of(b"nonsense"), None);
    }
}
