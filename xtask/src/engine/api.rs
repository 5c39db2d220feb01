//! The few calls of the Docker API that this tool makes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How long one call may stay silent.
const SILENCE: Duration = Duration::from_mins(1);

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Unix(PathBuf),
    Tcp(String),
}

impl Endpoint {
    /// From the text of `DOCKER_HOST`: `unix://` and plain `tcp://` are known.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text.split_once("://") {
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) => Ok(Self::Tcp(address.to_owned())),
            _ => bail!("DOCKER_HOST is `{text}`: only unix:// and tcp:// are known here"),
        }
    }

    /// The text for `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Unix(path) => format!("unix://{}", path.display()),
            Self::Tcp(address) => format!("tcp://{address}"),
        }
    }

    pub(crate) fn ping(&self) -> Result<()> {
        self.call("GET", "/_ping", &[]).map(drop)
    }

    /// Containers, networks and volumes, as lines such as `container nginx (1a2b3c4d5e6f)`.
    pub(crate) fn belongings(&self) -> Result<Vec<String>> {
        let json = |path| -> Result<Value> { Ok(serde_json::from_slice(&self.call("GET", path, &[])?)?) };
        let mut all = names("container", &json("/containers/json?all=1")?);
        all.extend(names("network", &json("/networks")?));
        all.extend(names(
            "volume",
            json("/volumes")?.get("Volumes").unwrap_or(&Value::Null),
        ));
        Ok(all)
    }

    /// Removes every container, running or not.
    pub(crate) fn remove_containers(&self) -> Result<()> {
        let all: Value = serde_json::from_slice(&self.call("GET", "/containers/json?all=1", &[])?)?;
        let ids = all
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|container| container.get("Id")?.as_str());
        ids.map(|id| format!("/containers/{id}?force=1&v=1"))
            .try_for_each(|path| self.call("DELETE", &path, &[]).map(drop))
    }

    pub(crate) fn has_image(&self, image: &str) -> bool {
        self.call("GET", &format!("/images/{image}/json"), &[]).is_ok()
    }

    /// Makes an image of one layer from a tar archive.
    pub(crate) fn import_image(&self, repository: &str, tag: &str, archive: &[u8]) -> Result<()> {
        let path = format!("/images/create?fromSrc=-&repo={repository}&tag={tag}");
        let answer = self.call("POST", &path, archive)?;
        // An engine can fail after it has answered 200: the error then is a line of the body.
        let answer = String::from_utf8_lossy(&answer);
        if answer.contains("\"error\"") {
            bail!("the engine cannot import {repository}:{tag}: {}", answer.trim());
        }
        Ok(())
    }

    pub(crate) fn remove_image(&self, image: &str) -> Result<()> {
        self.call("DELETE", &format!("/images/{image}"), &[]).map(drop)
    }

    /// One call over HTTP/1.0, whose answers come whole and end with the connection.
    fn call(&self, method: &str, path: &str, body: &[u8]) -> Result<Vec<u8>> {
        let answer = match self {
            Self::Unix(socket) => unix(socket).and_then(|stream| exchange(stream, method, path, body)),
            Self::Tcp(address) => tcp(address).and_then(|stream| exchange(stream, method, path, body)),
        };
        let answer = answer.with_context(|| format!("no Docker Engine answers at {}", self.host()))?;
        let (status, body) = split(&answer).with_context(|| format!("{} does not speak HTTP", self.host()))?;
        if !(200..300).contains(&status) {
            bail!(
                "{method} {path}: the engine says {status}: {}",
                String::from_utf8_lossy(body).trim()
            );
        }
        Ok(body.to_vec())
    }
}

fn unix(socket: &Path) -> std::io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SILENCE))?;
    Ok(stream)
}

fn tcp(address: &str) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE))?;
    Ok(stream)
}

fn exchange(mut stream: impl Read + Write, method: &str, path: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Length: {length}\r\n\r\n"
    )?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// The status and the body of an answer.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end + 4)?;
    let status = str::from_utf8(head).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body))
}

fn names(kind: &str, list: &Value) -> Vec<String> {
    let name = |item: &Value| {
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let named = item.get("Names").and_then(|names| names.get(0)).and_then(Value::as_str);
        let name = named
            .or_else(|| text("Name"))
            .unwrap_or_default()
            .trim_start_matches('/');
        let id: String = text("Id").unwrap_or_default().chars().take(12).collect();
        if id.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {name} ({id})")
        }
    };
    list.as_array().into_iter().flatten().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, names, split};
    use serde_json::json;

    #[test]
    fn an_endpoint_reads_as_it_is_written() {
        for text in ["unix:///run/docker.sock", "tcp://127.0.0.1:2375"] {
            assert_eq!(Endpoint::parse(text).unwrap().host(), text);
        }
        assert!(
            Endpoint::parse("ssh://host")
                .unwrap_err()
                .to_string()
                .contains("`ssh://host`")
        );
    }

    #[test]
    fn an_answer_is_split_into_status_and_body() {
        assert_eq!(split(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody"), Some((200, &b"body"[..])));
        assert_eq!(split(b"HTTP/1.0 204 No Content\r\n\r\n"), Some((204, &b""[..])));
        assert_eq!(split(b"garbage"), None);
    }

    #[test]
    fn belongings_are_named() {
        let containers = json!([{ "Id": "0123456789abcdef", "Names": ["/web"] }]);
        assert_eq!(names("container", &containers), ["container web (0123456789ab)"]);
        assert_eq!(names("volume", &json!([{ "Name": "data" }])), ["volume data"]);
        assert_eq!(names("volume", &json!(null)), Vec::<String>::new());
    }
}
