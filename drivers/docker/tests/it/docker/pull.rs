//! Pulls from a real registry.

mod registry;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use encamp_docker::Docker;
use encamp_driver::{BoxStream, Driver, Error, PROGRESS, Plugin, PluginConfig, Result, TaskConfig, TaskEvent};
use encamp_hclspec::Value;
use futures_util::StreamExt as _;

use self::registry::{PASSWORD, Registry, USER};
use crate::support::{Place, run, until_async};

const SOON: Duration = Duration::from_secs(20);

/// A place to run tasks, and a registry whose images go after its containers.
struct Site {
    place: Place,
    registry: Registry,
}

impl Site {
    fn open() -> Self {
        let place = Place::shared();
        let registry = Registry::open(&place.socket);
        Self { place, registry }
    }

    fn guarded() -> Self {
        let place = Place::shared();
        let registry = Registry::guarded(&place.socket);
        Self { place, registry }
    }

    fn task(&self, image: &str, more: &[(&str, Value)]) -> TaskConfig {
        let image = [("image", Value::from(image))];
        self.place.task("exit 7", &[&image, more].concat())
    }

    /// Runs a task to its end and destroys it.
    async fn run(&self, image: &str) {
        let task = self.task(image, &[]);
        assert_eq!(run(&self.place, &task).await.exit_code, 7);
        self.place.docker.destroy_task(&task.id, false).await.unwrap();
    }

    async fn refused(&self, image: &str, more: &[(&str, Value)]) -> Error {
        let task = self.task(image, more);
        let error = self.place.docker.start_task(task).await.unwrap_err();
        assert!(error.chain().contains(image), "{}", error.chain());
        error
    }

    /// Images are removed right after their last task.
    async fn remove_images_at_once(&self) {
        let gc = Value::object([("image_delay", "10ms")]);
        let config = PluginConfig::new(Value::object([("gc", gc)]));
        self.place.docker.set_config(config).await.unwrap();
    }

    fn id(&self, image: &str) -> String {
        self.place.cli(&["images", "-q", "--no-trunc", "--digests", image])
    }

    async fn removed(&self, image: &str) {
        until_async(SOON, "the removal", || match self.id(image) {
            gone if gone.is_empty() => Ok(()),
            id => Err(id),
        })
        .await;
    }
}

/// What was told until now.
async fn told(events: &mut BoxStream<Result<TaskEvent>>) -> Vec<TaskEvent> {
    let mut all = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(200), events.next()).await {
        all.push(event.unwrap());
    }
    all
}

fn is_progress(event: &TaskEvent) -> bool {
    event.annotations.contains_key(PROGRESS)
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_pulls_its_image_and_tells_of_each_layer() {
    let site = Site::open();
    site.registry.push("app:1");
    let image = site.registry.image("app:1");
    let mut events = site.place.docker.task_events().await.unwrap();
    site.run(&image).await;

    let mut told = told(&mut events).await;
    told.retain(|event| event.message == "Downloading image");
    assert!(told.iter().all(|event| event.annotations["image"] == image), "{told:?}");
    let (layers, whole): (Vec<_>, Vec<_>) = told.into_iter().partition(is_progress);
    assert_eq!(whole.len(), 1, "{whole:?}");
    let complete = layers
        .iter()
        .filter(|event| event.annotations["status"] == "Pull complete");
    assert_eq!(complete.count(), 2, "{layers:?}");
    let counted = |event: &&TaskEvent| event.annotations["status"] == "Downloading";
    let counted = layers.iter().find(counted).expect("the bytes of a layer are counted");
    assert!(counted.annotations.contains_key("current") && counted.annotations.contains_key("total"));

    let mut events = site.place.docker.task_events().await.unwrap();
    site.run(&image).await;
    assert!(
        self::told(&mut events).await.iter().all(|event| !is_progress(event)),
        "it is here now"
    );
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn ten_tasks_that_want_the_same_image_pull_it_once() {
    let site = Site::open();
    site.registry.push("app:1");
    let image = site.registry.image("app:1");
    let mut events = site.place.docker.task_events().await.unwrap();
    let before = site.registry.manifests_read();
    let tasks: Vec<TaskConfig> = (0..10).map(|_| site.task(&image, &[])).collect();
    let start = |task: &TaskConfig| {
        let (docker, task): (Arc<Docker>, _) = (Arc::clone(&site.place.docker), task.clone());
        tokio::spawn(async move { docker.start_task(task).await })
    };
    let starts: Vec<_> = tasks.iter().map(start).collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    assert_eq!(site.registry.manifests_read() - before, 1);
    let told = told(&mut events).await;
    for task in &tasks {
        assert_eq!(site.place.docker.wait_task(&task.id).await.unwrap().exit_code, 7);
        let of_layers = |event: &&TaskEvent| event.task_id == task.id && is_progress(event);
        assert!(told.iter().any(|event| of_layers(&event)), "{}: {told:?}", task.id);
    }
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn an_image_that_is_not_there_is_final_and_a_registry_that_is_not_there_is_not() {
    let mut site = Site::open();
    site.registry.push("app:1");
    for unknown in ["app:2", "nobody:1"] {
        let error = site.refused(&site.registry.image(unknown), &[]).await;
        assert!(!error.is_recoverable(), "{}", error.chain());
    }
    site.registry.stop();
    let error = site.refused(&site.registry.image("app:1"), &[]).await;
    assert!(error.is_recoverable(), "{}", error.chain());

    // One that takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let image = format!("{}/app:1", silent.local_addr().unwrap());
    let patience = [("image_pull_timeout", Value::from("2s"))];
    let error = site.refused(&image, &patience).await;
    assert!(error.is_recoverable(), "{}", error.chain());
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_guarded_registry_opens_to_the_right_password_only_and_no_password_is_told() {
    const WRONG: &str = "wrong-password";
    let site = Site::guarded();
    site.registry.push("app:1");
    let image = site.registry.image("app:1");
    let mut events = site.place.docker.task_events().await.unwrap();
    let auth = |password: &str| {
        let address = site.registry.address();
        let auth = [("username", USER), ("password", password), ("server_address", address)];
        [("auth", Value::object(auth))]
    };
    let mut said = Vec::new();
    for more in [&[][..], &auth(WRONG)] {
        let error = site.refused(&image, more).await;
        assert!(!error.is_recoverable(), "{}", error.chain());
        assert!(error.chain().contains("credentials"), "{}", error.chain());
        said.push(format!("{} {error:?}", error.chain()));
    }
    assert_eq!(run(&site.place, &site.task(&image, &auth(PASSWORD))).await.exit_code, 7);
    said.push(format!("{:?} {:?}", told(&mut events).await, site.place.docker));
    for secret in [WRONG, PASSWORD] {
        assert!(said.iter().all(|text| !text.contains(secret)), "{secret}: {said:?}");
    }
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn an_image_that_the_driver_pulled_goes_with_its_last_task_and_others_stay() {
    let site = Site::open();
    site.remove_images_at_once().await;
    for name in ["before:1", "shared:1"] {
        site.registry.push(name);
    }
    let by_digest = site.registry.push("witness:1");
    let [before, shared] = ["before:1", "shared:1"].map(|name| site.registry.image(name));
    site.registry.cli(&["pull", &before]);

    let user = site
        .place
        .task("exec sleep 1000", &[("image", Value::from(shared.clone()))]);
    site.place.docker.start_task(user.clone()).await.unwrap();
    site.run(&shared).await;
    site.run(&before).await;
    // What was to be removed as early as these is gone when this one is.
    site.run(&by_digest).await;
    site.removed(site.registry.image("witness").as_str()).await;
    assert!(!site.id(&before).is_empty(), "it was here before");
    assert!(!site.id(&shared).is_empty(), "a task uses it");
    site.place.docker.destroy_task(&user.id, true).await.unwrap();
    site.removed(&shared).await;
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_name_without_a_tag_is_its_latest_alone_which_is_refreshed_while_the_registry_is_there() {
    let mut site = Site::open();
    for name in ["app:1", "app:latest"] {
        site.registry.push(name);
    }
    let image = site.registry.image("app");
    site.run(&image).await;
    assert!(site.id(&site.registry.image("app:1")).is_empty(), "nobody asked for it");
    let first = site.id(&image);

    // A newer one, and the older one put back under its tag.
    site.registry.cli(&["tag", &first, &site.registry.image("old:1")]);
    site.registry.push("app:latest");
    site.registry.cli(&["tag", &first, &site.registry.image("app:latest")]);
    assert_eq!(site.id(&image), first);
    site.run(&image).await;
    let second = site.id(&site.registry.image("app:latest"));
    assert_ne!(second, first);

    site.registry.stop();
    let mut events = site.place.docker.task_events().await.unwrap();
    site.run(&image).await;
    let told = told(&mut events).await;
    let warned = |event: &TaskEvent| event.message.contains("could not be refreshed");
    assert!(told.iter().any(warned), "{told:?}");
    assert_eq!(site.id(&site.registry.image("app:latest")), second);
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn an_image_whose_tag_has_moved_on_goes_and_the_one_that_has_it_now_stays() {
    let site = Site::open();
    site.remove_images_at_once().await;
    let image = site.registry.image("app:latest");
    let mut started = Vec::new();
    for _ in 0..2 {
        site.registry.push("app:latest");
        let task = site
            .place
            .task("exec sleep 1000", &[("image", Value::from(image.clone()))]);
        site.place.docker.start_task(task.clone()).await.unwrap();
        started.push((task.id, site.id(&image)));
    }
    let [(first, old), (second, new)] = <[_; 2]>::try_from(started).unwrap();
    assert_ne!(old, new);
    site.place.docker.destroy_task(&first, true).await.unwrap();
    let all = ["images", "-aq", "--no-trunc"];
    until_async(SOON, "the removal of the old image", || {
        let all = site.place.cli(&all);
        if all.contains(&old) { Err(all) } else { Ok(()) }
    })
    .await;
    assert_eq!(site.id(&image), new);
    site.place.docker.destroy_task(&second, true).await.unwrap();
    site.removed(&image).await;
}
