//! The docker task driver over a narrow engine trait.
#![forbid(unsafe_code)]

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
