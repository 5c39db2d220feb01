//! `docker`, on the engine that `DOCKER_HOST` names.

use std::process::Command;

use encamp_docker::{BollardEngine, Docker};

use super::*;

const IMAGE: &str = "encamp-test:1";

/// The driver, with this choice of who takes care of output. Its containers go with it.
struct Subjected {
    state: TempDir,
    socket: String,
    collection: &'static str,
}

fn subject(collection: &'static str) -> Subjected {
    let socket = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    import_busybox(&socket);
    Subjected {
        state: tempfile::tempdir().unwrap(),
        socket,
        collection,
    }
}

impl Subjected {
    fn label(&self) -> String {
        self.state.path().display().to_string()
    }
}

#[async_trait]
impl Subject for Subjected {
    async fn driver(&self) -> Arc<dyn Driver> {
        let engine = BollardEngine::connect(Some(&self.socket)).unwrap();
        Arc::new(Docker::new(Arc::new(engine), self.state.path().join("state")))
    }

    fn config(&self, words: &[&str]) -> Value {
        let label = Value::object([("dev.encamp.test", self.label())]);
        let container = [
            ("image", Value::from(IMAGE)),
            ("labels", Value::tuple([label])),
            ("network_mode", Value::from("none")),
        ];
        Value::object(container.into_iter().chain(command(words)))
    }

    fn plugin_config(&self) -> Value {
        Value::object([("log_collection", self.collection)])
    }
}

impl Drop for Subjected {
    fn drop(&mut self) {
        let filter = format!("label=dev.encamp.test={}", self.label());
        let script = format!("docker ps -aq --filter {filter} | xargs -r docker rm -fv");
        drop(
            Command::new("sh")
                .args(["-c", &script])
                .env("DOCKER_HOST", &self.socket)
                .output(),
        );
    }
}

/// Makes the image, with nothing in it but a static busybox, unless it is there.
fn import_busybox(socket: &str) {
    let script = format!(
        "set -e; docker image inspect {IMAGE} > /dev/null 2>&1 && exit; \
         d=$(mktemp -d); mkdir $d/bin $d/tmp $d/etc; cp /bin/busybox $d/bin/; \
         for a in $(/bin/busybox --list); do [ $a = busybox ] || ln -s busybox $d/bin/$a; done; \
         tar -C $d -c . | docker import --change 'ENV PATH=/bin' - {IMAGE}; rm -r $d"
    );
    let made = Command::new("sh")
        .args(["-c", &script])
        .env("DOCKER_HOST", socket)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "no engine at {socket}, or no /bin/busybox: {made:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a docker engine"]
async fn docker_conforms() {
    check(suite(subject("driver"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a docker engine"]
async fn docker_conforms_over_grpc() {
    check(suite(subject("driver")).over_grpc()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a docker engine"]
async fn docker_conforms_over_grpc_where_the_host_collects_logs() {
    check(suite(subject("agent")).over_grpc()).await;
}
