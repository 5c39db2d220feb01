//! From a directory to the plugins in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use encamp_driver::{ConfigError, PluginConfig, PluginInfo};
use encamp_hclspec::Value;
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use crate::entry::Entry;
use crate::finding::Problem;
use crate::{Command, Finding, Instance, Listed, Settings, Version, config};

/// How many plugins are looked at together.
const TOGETHER: usize = 4;

/// The longest name of a plugin, in bytes.
const LONGEST_NAME: usize = 64;

/// The versions of the plugin API that this host speaks, the best first.
const API_VERSIONS: [&str; 1] = ["0.1.0"];

/// The plugins of a directory, and what is amiss with the others.
pub(crate) async fn scan(settings: &Settings) -> (Vec<Entry>, Vec<Finding>) {
    let mut findings = Vec::new();
    let candidates = candidates(settings, &mut findings);
    let looks = candidates.into_iter().map(|listed| async move {
        let name = listed.name.clone();
        let look = look(settings, listed).await;
        look.map_err(|problem| Finding::new(name, problem))
    });
    let looks: Vec<_> = stream::iter(looks).buffered(TOGETHER).collect().await;
    let mut plugins: BTreeMap<_, Entry> = BTreeMap::new();
    for look in looks {
        match look {
            Ok(entry) => {
                let identity = (entry.info().name.clone(), format!("{:?}", entry.info().plugin_type));
                let (winner, loser) = match plugins.remove(&identity) {
                    // The later one in the directory, where both are the same version.
                    Some(earlier) if earlier.version() > entry.version() => (earlier, Some(entry)),
                    earlier => (entry, earlier),
                };
                findings.extend(loser.map(|loser| superseded(&loser, &winner)));
                plugins.insert(identity, winner);
            }
            Err(finding) => findings.push(finding),
        }
    }
    (plugins.into_values().collect(), findings)
}

/// The listed plugins that are there, in the order of the directory. Nothing is known of them but their names.
fn candidates(settings: &Settings, findings: &mut Vec<Finding>) -> Vec<Listed> {
    let names = match file_names(&settings.dir) {
        Ok(names) => names,
        Err(problem) => {
            findings.push(Finding::new(settings.dir.display().to_string(), problem));
            return Vec::new();
        }
    };
    let listed = |name: &String| settings.listed.iter().find(|listed| listed.name == *name);
    for listed in &settings.listed {
        if !names.contains(&listed.name) {
            let missing = Problem::Missing(settings.dir.join(&listed.name));
            findings.push(Finding::new(&listed.name, missing));
        }
    }
    let mut candidates = Vec::new();
    for name in &names {
        match listed(name) {
            Some(listed) => candidates.push(listed.clone()),
            None => findings.push(Finding::new(name, Problem::Unlisted(settings.dir.join(name)))),
        }
    }
    candidates
}

fn file_names(dir: &Path) -> Result<Vec<String>, Problem> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => Problem::NoDirectory(dir.to_owned()),
        _ => Problem::Directory {
            path: dir.to_owned(),
            source,
        },
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        // Whatever is no text can be listed by nobody, and is shown as far as it is one.
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Starts a plugin once, asks who it is, and has it look at its configuration. It does not outlive this.
async fn look(settings: &Settings, listed: Listed) -> Result<Entry, Problem> {
    let path = settings.dir.join(&listed.name);
    settings.safety.judge(&path).map_err(Problem::Unsafe)?;
    let command = Command {
        program: path.clone(),
        args: listed.args.clone(),
    };
    let instance = settings.launch.launch(&command).await.map_err(Problem::Launch)?;
    let answers = question(instance.as_ref(), &listed, settings.timing.answer).await;
    instance.kill().await;
    let Answers {
        info,
        version,
        api_version,
        config,
    } = answers?;
    Ok(Entry {
        schema: instance.schema(),
        info,
        version,
        api_version,
        config,
        path,
        listed,
    })
}

/// What a plugin has answered.
struct Answers {
    info: PluginInfo,
    version: Version,
    api_version: String,
    config: Value,
}

async fn question(instance: &dyn Instance, listed: &Listed, patience: Duration) -> Result<Answers, Problem> {
    let info = instance.contract().plugin().info();
    if info.name.is_empty() || info.name.len() > LONGEST_NAME || info.name.contains(char::is_control) {
        return Err(Problem::Name(info.name.chars().take(LONGEST_NAME).collect()));
    }
    let version: Version = info.version.parse().map_err(Problem::Version)?;
    let api_version = api_version(&info)?;
    let schema = instance.schema();
    let config = config::decode(listed, schema.as_ref()).map_err(Problem::Config)?;
    if schema.is_some() {
        let given = PluginConfig {
            api_version: api_version.clone(),
            ..PluginConfig::new(config.clone())
        };
        let set = timeout(patience, instance.contract().plugin().set_config(given)).await;
        let set = set.map_err(|_| Problem::Silent {
            call: "SetConfig",
            within: patience,
        })?;
        set.map_err(|error| match error {
            ConfigError::PluginShutdown => Problem::Ended("SetConfig"),
            error => Problem::Config(config::refused(listed, &error.to_string())),
        })?;
    }
    Ok(Answers {
        info,
        version,
        api_version,
        config,
    })
}

/// The best API version that both speak, in the plugin's own spelling.
pub(crate) fn api_version(info: &PluginInfo) -> Result<String, Problem> {
    if info.api_versions.is_empty() {
        return Err(Problem::NoApiVersions);
    }
    let parse = |text: &str| text.parse::<Version>().map_err(Problem::Version);
    let theirs = info.api_versions.iter().map(|text| parse(text));
    let theirs: Vec<Version> = theirs.collect::<Result<_, _>>()?;
    for ours in API_VERSIONS {
        let ours = parse(ours)?;
        if let Some(same) = theirs.iter().find(|theirs| **theirs == ours) {
            return Ok(same.to_string());
        }
    }
    Err(Problem::ForeignApi {
        theirs: info.api_versions.clone(),
        ours: API_VERSIONS.map(str::to_owned).to_vec(),
    })
}

fn superseded(loser: &Entry, winner: &Entry) -> Finding {
    let path = |entry: &Entry| PathBuf::from(entry.path());
    let problem = Problem::Superseded {
        name: winner.info().name.clone(),
        path: path(loser),
        version: loser.version().to_string(),
        winner: path(winner),
        winning: winner.version().to_string(),
    };
    Finding::new(&loser.listed.name, problem)
}
