//! Plugins in this process, that do what no good plugin does.

use std::future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use encamp_catalog::{Catalog, Command, Contract, Ended, Instance, Launch, LaunchError, Problem, Settings};
use encamp_driver::{Driver, Error, ExitResult, Plugin as _, PluginInfo};
use encamp_goplugin::ReattachConfig;
use encamp_hclspec::{Spec, Style};
use encamp_testkit::{Loopback, ScriptedDriver, loopback};
use futures_util::StreamExt as _;

use crate::bed::{Bed, task, within};

/// Starts plugins in this process: which one is up to how many there were before.
struct Memory {
    make: Box<dyn Fn(usize) -> Arc<dyn Driver> + Send + Sync>,
    configurable: bool,
    launches: AtomicUsize,
    latest: Mutex<Option<Arc<Loopback>>>,
}

struct InMemory {
    plugin: Arc<Loopback>,
    configurable: bool,
}

#[async_trait]
impl Launch for Memory {
    async fn launch(&self, _: &Command) -> Result<Arc<dyn Instance>, LaunchError> {
        let driver = (self.make)(self.launches.fetch_add(1, Ordering::Relaxed));
        let plugin = Arc::new(loopback(driver).await?);
        *self.latest.lock().unwrap() = Some(Arc::clone(&plugin));
        let configurable = self.configurable;
        Ok(Arc::new(InMemory { plugin, configurable }))
    }

    async fn reattach(&self, _: &ReattachConfig) -> Result<Arc<dyn Instance>, LaunchError> {
        Err(LaunchError::Other("nothing outlives this process".to_owned()))
    }
}

#[async_trait]
impl Instance for InMemory {
    fn contract(&self) -> Contract<'_> {
        Contract::Driver(self.plugin.driver())
    }

    fn schema(&self) -> Option<Spec> {
        self.configurable.then(|| self.plugin.driver().config_schema())
    }

    fn has_ended(&self) -> bool {
        self.plugin.driver().life().has_ended()
    }

    fn ended(&self) -> Ended {
        let life = self.plugin.driver().life().clone();
        Box::pin(async move { life.ended().await })
    }

    async fn kill(&self) {
        self.plugin.kill();
    }

    fn record(&self) -> Option<ReattachConfig> {
        None
    }

    fn detach(&self) {}
}

impl Memory {
    fn new(make: impl Fn(usize) -> ScriptedDriver + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(move |index| Arc::new(make(index))),
            configurable: true,
            launches: AtomicUsize::new(0),
            latest: Mutex::default(),
        }
    }

    fn kill(&self) {
        self.latest.lock().unwrap().as_ref().unwrap().kill();
    }
}

fn toy() -> ScriptedDriver {
    ScriptedDriver::new()
        .with_info(PluginInfo::driver("toy", "0.2.0"))
        .with_config_schema(Spec::object::<String>([]))
}

fn settings(bed: &Bed, memory: &Arc<Memory>, blocks: &str) -> Settings {
    bed.install("toy", "exit 1");
    let mut settings = bed.settings(blocks);
    settings.launch = Arc::clone(memory) as Arc<dyn Launch>;
    settings.timing.answer = Duration::from_millis(300);
    settings
}

#[tokio::test]
async fn a_plugin_that_takes_no_configuration_is_given_none() {
    let bed = Bed::new();
    let memory = Memory {
        configurable: false,
        ..Memory::new(|_| toy())
    };
    let memory = Arc::new(memory);
    for blocks in ["plugin \"toy\" {}\n", "plugin \"toy\" {\n  config {}\n}\n"] {
        let (catalog, findings) = Catalog::scan(settings(&bed, &memory, blocks)).await;
        assert!(findings.is_empty(), "{findings:?}");
        catalog.driver("toy").unwrap().init().await.unwrap();
    }
    let blocks = "plugin \"toy\" {\n  config {\n    x = 1\n  }\n}\n";
    let (_, findings) = Catalog::scan(settings(&bed, &memory, blocks)).await;
    let shown = findings[0].render(Style::Plain);
    let expected = r#"
error: Configuration not allowed
 --> plugins.hcl:2:3
  |
2 |   config {
  |   ^^^^^^
  |
  = The plugin "toy" takes no configuration. Remove the config block."#;
    assert_eq!(shown.trim_end(), expected.trim_start());
}

#[tokio::test]
async fn a_schema_that_nobody_understands_is_found() {
    let bed = Bed::new();
    let bad = Spec::attr("", encamp_hclspec::Type::String);
    let memory = Arc::new(Memory::new(move |_| toy().with_config_schema(bad.clone())));
    let (_, findings) = Catalog::scan(settings(&bed, &memory, "plugin \"toy\" {}\n")).await;
    assert!(matches!(findings[0].problem, Problem::Launch(_)), "{findings:?}");
    assert!(
        findings[0].to_string().contains("has a schema that cannot be read"),
        "{}",
        findings[0]
    );
}

#[tokio::test]
async fn a_plugin_that_never_takes_its_configuration_is_not_waited_for() {
    let bed = Bed::new();
    let memory = Arc::new(Memory::new(|_| toy().on_set_config(|_| future::pending())));
    let scan = Catalog::scan(settings(&bed, &memory, "plugin \"toy\" {}\n"));
    let (_, findings) = within("scan", scan).await;
    assert!(
        matches!(findings[0].problem, Problem::Silent { call: "SetConfig", .. }),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_plugin_that_ends_over_its_configuration_is_not_said_to_refuse_it() {
    let bed = Bed::new();
    let memory = Arc::new_cyclic(|memory: &Weak<Memory>| {
        let memory = Weak::clone(memory);
        Memory::new(move |_| {
            let memory = Weak::clone(&memory);
            toy().on_set_config(move |_| {
                memory.upgrade().unwrap().kill();
                future::pending()
            })
        })
    });
    let scan = Catalog::scan(settings(&bed, &memory, "plugin \"toy\" {}\n"));
    let (_, findings) = within("scan", scan).await;
    assert!(
        matches!(findings[0].problem, Problem::Ended("SetConfig")),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_plugin_that_never_gets_ready_is_not_waited_for() {
    let bed = Bed::new();
    let memory = Arc::new(Memory::new(|_| toy().on_init(|()| future::pending())));
    let (catalog, findings) = Catalog::scan(settings(&bed, &memory, "plugin \"toy\" {}\n")).await;
    assert!(findings.is_empty(), "{findings:?}");
    let driver = catalog.driver("toy").unwrap();
    let error = within("use", driver.capabilities()).await.unwrap_err().to_string();
    assert_eq!(error, "plugin toy is down: it has not answered Init within 300ms");
}

#[tokio::test]
async fn a_task_that_is_taken_back_late_is_asked_for_again() {
    let bed = Bed::new();
    let recoveries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&recoveries);
    let memory = Arc::new(Memory::new(move |launch| {
        let counted = Arc::clone(&counted);
        let wait = move |_| async move {
            match launch {
                0 | 1 => future::pending().await,
                _ => Ok(ExitResult::code(8)),
            }
        };
        toy().on_wait_task(wait).on_recover_task(move |_| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => future::pending().await,
                    1 => Err(Error::recoverable("busy")),
                    _ => Ok(()),
                }
            }
        })
    }));
    let (catalog, findings) = Catalog::scan(settings(&bed, &memory, "plugin \"toy\" {}\n")).await;
    assert!(findings.is_empty(), "{findings:?}");
    let driver = catalog.driver("toy").unwrap();
    driver.start_task(task("t")).await.unwrap();
    memory.kill();
    let busy = within("wait", driver.wait_task("t")).await.unwrap_err();
    assert!(busy.is_recoverable(), "{busy}");
    assert_eq!(within("wait", driver.wait_task("t")).await.unwrap().exit_code, 8);
    assert_eq!(recoveries.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_stream_that_ends_without_its_plugin_is_opened_again() {
    let bed = Bed::new();
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&opened);
    let memory = Arc::new(Memory::new(move |_| {
        let counted = Arc::clone(&counted);
        toy().on_fingerprint(move |()| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                if number == 0 {
                    return Err(Error::fatal("not now"));
                }
                let look = futures_util::stream::iter([Ok(encamp_driver::Fingerprint::healthy([]))]);
                Ok(look.chain(futures_util::stream::pending()).boxed() as _)
            }
        })
    }));
    let (catalog, _) = Catalog::scan(settings(&bed, &memory, "plugin \"toy\" {}\n")).await;
    let mut looks = catalog.driver("toy").unwrap().fingerprint().await.unwrap();
    let first = within("look", looks.next()).await.unwrap().unwrap();
    assert_eq!(first.health_description, "not now");
    let second = within("look", looks.next()).await.unwrap().unwrap();
    assert_eq!(second.health_description, "Healthy");
    assert_eq!(memory.launches.load(Ordering::Relaxed), 2);
}
