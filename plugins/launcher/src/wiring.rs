//! The real parts, put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use encamp_catalog::{Catalog, Supervised};
use encamp_cgroup::Hierarchy;
use encamp_docker::{BollardEngine, Docker};
use encamp_driver::{Driver, Plugin as _, PluginConfig};
use encamp_exec::Exec;
use encamp_executor::{Executor, Program};
use encamp_hclspec::{Body, Context, Source, Spellings, decode_with};
use encamp_raw_exec::RawExec;
use encamp_runner::{AllocRecord, Parts, Store};

use crate::collected::Collected;
use crate::environment::Environment;
use crate::hooks::Directories;
use crate::output;
use crate::paths::DataDir;
use crate::plugins::{self, Plugins};

/// Everything that the runner of an allocation is handed, and the plugins that go with it.
pub(crate) struct Wired {
    pub(crate) parts: Parts,
    catalog: Option<Catalog>,
}

/// Whose plugins these are. Each program has processes of its own: plugins find tasks by their handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The allocation's runner's. They are on record, and the next runner takes them over from one that was killed.
    Runner,
    /// Somebody's who looks in.
    Visitor,
}

impl Wired {
    /// Ends the plugins, whose tasks run on.
    pub(crate) async fn close(&self) {
        if let Some(catalog) = &self.catalog {
            catalog.shutdown().await;
        }
    }
}

/// The parts for an allocation that was asked for before, with the plugins that it was asked for with.
pub(crate) async fn wire(data: &DataDir, alloc: &AllocRecord, role: Role) -> Result<Wired> {
    let plugins = Plugins::of(data, &alloc.id)?;
    wire_with(data, alloc, role, plugins.as_ref()).await
}

/// The same, with these plugins.
pub(crate) async fn wire_with(
    data: &DataDir,
    alloc: &AllocRecord,
    role: Role,
    plugins: Option<&Plugins>,
) -> Result<Wired> {
    let environment = Environment::of(alloc);
    let own = data.plugins(&alloc.id);
    let catalog = match plugins {
        Some(plugins) => Some(plugins.scan((role == Role::Runner).then(|| own.join("state"))).await?),
        None => None,
    };
    let all = drivers(data, &alloc.id, &environment, catalog.as_ref(), |plugin| {
        Arc::new(Collected::new(plugin, own.join("pipes")))
    });
    let all = all.await?;
    let parts = Parts {
        drivers: all.into_values().collect(),
        alloc_hooks: vec![Arc::new(Directories::new(data.allocs()))],
        task_hooks: Vec::new(),
        store: Store::new(data.state()),
        host_env: environment.into_variables(),
    };
    Ok(Wired { parts, catalog })
}

/// The drivers by their names: the built-in ones, configured for one allocation on this machine, and those of plugins
/// beside them and instead of them, as `of_plugin` makes them.
pub(crate) async fn drivers(
    data: &DataDir,
    alloc_id: &str,
    environment: &Environment,
    catalog: Option<&Catalog>,
    of_plugin: impl Fn(Supervised) -> Arc<dyn Driver>,
) -> Result<BTreeMap<String, Arc<dyn Driver>>> {
    let mut all: BTreeMap<String, Arc<dyn Driver>> = BTreeMap::new();
    for driver in built_in(data, alloc_id, environment).await? {
        all.insert(driver.info().name, driver);
    }
    for plugin in catalog.into_iter().flat_map(Catalog::drivers) {
        let name = plugin.info().name;
        let built_in = all.get(&name);
        if built_in.is_some_and(|built_in| !plugins::replaces(plugin, built_in.as_ref())) {
            output::notice(&format!(
                "plugin {name} is older than the built-in driver, which is used"
            ));
        } else {
            all.insert(name, of_plugin(plugin.clone()));
        }
    }
    Ok(all)
}

async fn built_in(data: &DataDir, alloc_id: &str, environment: &Environment) -> Result<[Arc<dyn Driver>; 3]> {
    // A job of containers alone does without the program; host tasks say at their start that it is missing.
    let program = Program::locate().unwrap_or_else(|_| Program::new("encamp-executor"));
    let executor = Executor::new(program, data.executor());
    let cgroups = Hierarchy::detect();
    let engine = BollardEngine::connect(environment.docker_host()).context("cannot use DOCKER_HOST")?;
    let raw_exec = RawExec::new(executor.clone(), cgroups.clone());
    configure(&raw_exec, "enabled = true").await?;
    let exec = Exec::new(executor, cgroups);
    configure(&exec, "").await?;
    let docker = Docker::new(Arc::new(engine), data.docker(alloc_id));
    // Pulled images stay, as they do after `docker run`: no process lives long enough to know them unused.
    configure(&docker, "gc {\n  image = false\n}").await?;
    Ok([Arc::new(raw_exec), Arc::new(exec), Arc::new(docker)])
}

async fn configure(driver: &dyn Driver, config: &str) -> Result<()> {
    let name = driver.info().name;
    let body = Body::parse(Source::new("built-in", config.to_owned()))?;
    let value = decode_with(&driver.config_schema(), &body, &Context::default(), Spellings::Every)?;
    let accepted = driver.set_config(PluginConfig::new(value)).await;
    accepted.with_context(|| format!("driver {name} refuses its configuration"))
}
