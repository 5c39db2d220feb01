//! The docker task driver over a narrow engine trait.
//!
//! [`Docker`] is the driver: it implements [`encamp_driver::Driver`], so everything a host does with it is said there.
//! It is made over an [`Engine`], usually a [`BollardEngine`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use encamp_docker::{BollardEngine, Docker};
//! use encamp_driver::Plugin;
//!
//! // Nothing is connected yet; an engine that comes up later is fine.
//! let engine = BollardEngine::connect(Some("unix:///var/run/docker.sock"))?;
//! let docker = Docker::new(Arc::new(engine), "/var/lib/encamp/docker");
//! assert_eq!(docker.info().name, "docker");
//! # Ok::<(), encamp_docker::EngineError>(())
//! ```
//!
//! Where to look: `start` makes a container exist once, `task` tells a true end from a lost connection, `collect` takes
//! output over exactly once, `container` turns a task into the engine's description of it without asking anybody.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod collect;
mod config;
mod container;
mod driver;
mod engine;
mod events;
mod exec;
mod fingerprint;
mod gc;
mod image;
mod oom;
mod redact;
mod stage;
mod start;
mod state;
mod stats;
mod task;

pub use collect::Batch;
pub use config::{
    AuthConfig, BindOptions, GcConfig, LoggingConfig, MountConfig, PluginOptions, TaskLogging, TaskOptions,
    TmpfsOptions, VolumeDriver, VolumeOptions, VolumesConfig,
};
pub use driver::Docker;
pub use engine::{
    BollardEngine, Container, ContainerSpec, ContainerState, Demux, DeviceSpec, Engine, EngineError, EngineInfo,
    EngineResult, ExecSession, ExecSpec, ExecState, Frame, HostSpec, Image, LogQuery, LogSpec, MountSpec, PortBinding,
    PullProgress, RawRead, RegistryAuth, StatsSample, TmpfsSpec, UlimitSpec,
};
