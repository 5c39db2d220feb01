//! The plugins that the user has named: drivers beside the built-in ones, and instead of them.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use encamp_catalog::{Catalog, Listed, Problem, Settings, Version};
use encamp_driver::Driver;
use encamp_hclspec::{Severity, Source};
use serde::{Deserialize, Serialize};

use crate::cli::PluginArgs;
use crate::exit::{self, BadInput, usage};
use crate::paths::DataDir;
use crate::{machine, output};

/// What an allocation's plugins are found by. Its text may hold secrets: `Debug` is not implemented.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Plugins {
    dir: PathBuf,
    config_file: String,
    config: String,
}

impl Plugins {
    /// What the command line asks for.
    pub(crate) fn asked(args: &PluginArgs) -> Result<Option<Self>> {
        let Some(dir) = &args.plugin_dir else { return Ok(None) };
        let dir = std::path::absolute(dir).with_context(|| format!("cannot resolve {}", dir.display()))?;
        let (config_file, config) = match &args.plugin_config {
            Some(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|error| usage(format!("cannot read {}: {error}", path.display())))?;
                (path.display().to_string(), text)
            }
            None => ("no plugin configuration".to_owned(), String::new()),
        };
        let plugins = Self {
            dir,
            config_file,
            config,
        };
        plugins.listed()?;
        Ok(Some(plugins))
    }

    /// What an allocation was asked for with.
    pub(crate) fn of(data: &DataDir, alloc_id: &str) -> Result<Option<Self>> {
        let path = file(data, alloc_id);
        match fs::read(&path) {
            Ok(text) => {
                let plugins = serde_json::from_slice(&text);
                Ok(Some(
                    plugins.with_context(|| format!("cannot read {}", path.display()))?,
                ))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Keeps it for later runners, readable by its owner only.
    pub(crate) fn keep(&self, data: &DataDir, alloc_id: &str) -> Result<()> {
        let (path, text) = (file(data, alloc_id), serde_json::to_vec(self)?);
        let keep = || {
            let dir = data.plugins(alloc_id);
            DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
            let draft = dir.join("draft");
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(&text)?;
            fs::rename(&draft, &path)
        };
        keep().with_context(|| format!("cannot write {}", path.display()))
    }

    /// The plugins that work; what is amiss with the others is told. `state` is where their processes are on record.
    pub(crate) async fn scan(&self, state: Option<PathBuf>) -> Result<Catalog> {
        let mut settings = Settings::new(&self.dir, self.listed()?, PathBuf::new());
        settings.state_dir = state;
        settings.node.topology = Some(Arc::new(machine::topology()));
        let (catalog, findings) = Catalog::scan(settings).await;
        for finding in findings {
            match (&finding.problem, finding.severity()) {
                (Problem::Config(diagnostics), _) => exit::report(diagnostics),
                (_, Severity::Warning) => output::notice(&finding.to_string()),
                _ => output::error(&finding.to_string()),
            }
        }
        Ok(catalog)
    }

    fn listed(&self) -> Result<Vec<Listed>> {
        let source = Source::new(&self.config_file, self.config.clone());
        Ok(Listed::read(source).map_err(BadInput::Job)?)
    }
}

/// Removes all that is kept for an allocation's plugins. Nothing there is fine.
pub(crate) fn forget(data: &DataDir, alloc_id: &str) -> io::Result<()> {
    match fs::remove_dir_all(data.plugins(alloc_id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => {
            // The last one takes the folder with it.
            drop(data.plugins(alloc_id).parent().map(fs::remove_dir));
            Ok(())
        }
    }
}

/// Whether a plugin takes the place of a built-in driver of its name: unless its version is lower.
pub(crate) fn replaces(plugin: &dyn Driver, built_in: &dyn Driver) -> bool {
    let version = |driver: &dyn Driver| driver.info().version.parse::<Version>().ok();
    version(plugin) >= version(built_in)
}

fn file(data: &DataDir, alloc_id: &str) -> PathBuf {
    data.plugins(alloc_id).join("plugins.json")
}
