//! A registry of our own on the loopback interface, and images to pull from it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::busybox::import_busybox;
use crate::support::{IMAGE, cli, until};

/// In the JSON of these, base64 meets both characters that its URL-safe form spells differently, whatever the offset.
pub(super) const USER: &str = "us>>>???er";
pub(super) const PASSWORD: &str = "pass>>>???word";
const HASH: &str = "$2y$05$encampencampencampencOx6hkWH62WzykNWNXBh5F.qEZm7wE1dy";

/// A `docker-registry` process; it and the images with its address in their names go with it.
pub(super) struct Registry {
    dir: tempfile::TempDir,
    socket: String,
    server: Child,
    address: String,
    guarded: bool,
}

impl Registry {
    pub(super) fn open(socket: &str) -> Self {
        Self::start(socket, false)
    }

    /// One that wants [`USER`] and [`PASSWORD`].
    pub(super) fn guarded(socket: &str) -> Self {
        Self::start(socket, true)
    }

    fn start(socket: &str, guarded: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let auth = if guarded {
            std::fs::write(path("users"), format!("{USER}:{HASH}\n")).unwrap();
            format!(
                "auth: {{htpasswd: {{realm: test, path: '{}'}}}}\n",
                path("users").display()
            )
        } else {
            String::new()
        };
        let storage = path("storage").display().to_string();
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: '{storage}'}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n{auth}"
        );
        std::fs::write(path("config.yml"), config).unwrap();
        let server = Command::new("docker-registry")
            .arg("serve")
            .arg(path("config.yml"))
            .stdin(Stdio::null())
            .stdout(File::create(path("requests")).unwrap())
            .stderr(File::create(path("log")).unwrap())
            .spawn()
            .expect("docker-registry is installed; `cargo xtask setup` does it");
        let mut registry = Self {
            dir,
            socket: socket.to_owned(),
            server,
            address: String::new(),
            guarded,
        };
        registry.address = until(Duration::from_secs(20), "the registry", || registry.listens_at());
        if guarded {
            registry.login();
        }
        registry
    }

    /// Its address, once it says that it listens.
    fn listens_at(&self) -> Result<String, String> {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap();
        let address = log
            .split_once("listening on ")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(address, _)| address.to_owned());
        address.ok_or(log)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Pushes an image with two layers that no other has, and leaves nothing of it at the engine. Returns the reference
    /// by its digest.
    pub(super) fn push(&self, name: &str) -> String {
        import_busybox(&self.socket);
        let reference = self.image(name);
        self.add_layer(IMAGE, &reference, "one");
        self.add_layer(&reference, &reference, "two");
        self.cli(&["push", &reference]);
        let digest = self.cli(&["image", "inspect", "-f", "{{index .RepoDigests 0}}", &reference]);
        self.cli(&["rmi", &reference]);
        digest
    }

    fn add_layer(&self, from: &str, to: &str, file: &str) {
        let mut bytes = Vec::new();
        let random = File::open("/dev/urandom").unwrap();
        random.take(1024 * 1024).read_to_end(&mut bytes).unwrap();
        let source = self.dir.path().join(file);
        std::fs::write(&source, bytes).unwrap();
        let container = self.cli(&["create", from, "sh"]);
        self.cli(&["cp", &source.display().to_string(), &format!("{container}:/{file}")]);
        self.cli(&["commit", &container, to]);
        self.cli(&["rm", &container]);
    }

    /// How many manifests were read from it so far.
    pub(super) fn manifests_read(&self) -> usize {
        let requests = std::fs::read_to_string(self.dir.path().join("requests")).unwrap();
        let reads = |line: &&str| line.contains("\"GET ") && line.contains("/manifests/");
        requests.lines().filter(reads).count()
    }

    /// Nobody listens at its address from now on.
    pub(super) fn stop(&mut self) {
        // It may have been stopped before.
        drop(self.server.kill());
        self.server.wait().unwrap();
    }

    /// The docker command, with credentials of its own.
    pub(super) fn cli(&self, arguments: &[&str]) -> String {
        let config = self.dir.path().join("cli").display().to_string();
        cli(&self.socket, &[&["--config", &config], arguments].concat())
    }

    fn login(&self) {
        let mut login = Command::new("docker")
            .args(["-H", &self.socket, "--config"])
            .arg(self.dir.path().join("cli"))
            .args(["login", "-u", USER, "--password-stdin", &self.address])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        login.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(login.wait().unwrap().success(), "login, guarded: {}", self.guarded);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
        let docker = |arguments: &[&str]| {
            let output = Command::new("docker")
                .args(["-H", &self.socket])
                .args(arguments)
                .output();
            output.map_or_else(
                |_| String::new(),
                |output| String::from_utf8_lossy(&output.stdout).into_owned(),
            )
        };
        let ours = format!("reference={}/*", self.address);
        for id in docker(&["images", "-q", "--filter", &ours]).split_whitespace() {
            docker(&["rmi", "-f", id]);
        }
    }
}
