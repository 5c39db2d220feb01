//! The docker task driver over a narrow engine trait.
#![forbid(unsafe_code)]

mod collect;
mod driver;
mod engine;
mod events;

pub use driver::Docker;
pub use engine::{
    BollardEngine, Container, ContainerSpec, ContainerState, Demux, DeviceSpec, Engine, EngineError, EngineInfo,
    EngineResult, ExecSession, ExecSpec, ExecState, Frame, HostSpec, Image, LogQuery, LogSpec, MountSpec, PortBinding,
    PullProgress, RawRead, RegistryAuth, StatsSample, TmpfsSpec, UlimitSpec,
};
