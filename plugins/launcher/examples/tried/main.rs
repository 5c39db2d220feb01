//! A plugin to try `encamp plugin` with: `driver` runs host tasks, `foreign` runs them as most drivers do, `device` has one
//! device.
//!
//! `tried driver|foreign|device FILE [agent]` writes into FILE, in hexadecimal and a line each, the bytes of the configurations
//! that it is given. With `agent`, the host collects the tasks' output.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use encamp_base_grpc::spec;
use encamp_cgroup::Hierarchy;
use encamp_device_grpc::DeviceServer;
use encamp_driver::{Plugin as _, PluginConfig};
use encamp_driver_grpc::DriverServer;
use encamp_executor::{Executor, Program};
use encamp_goplugin::{Cookie, Server, hclog};
use encamp_hclspec::{Body, Context, Source, Spec, Type, decode};
use encamp_proto::base as wire;
use encamp_proto::base::base_plugin_server::{BasePlugin, BasePluginServer};
use encamp_raw_exec::RawExec;
use tonic::service::RoutesBuilder;
use tonic::{Request, Response, Status};
use tracing::level_filters::LevelFilter;

mod foreign;
mod lamp;

use foreign::Foreign;
use lamp::Lamp;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (kind, record) = match args.as_slice() {
        [kind, record, ..] => (kind.clone(), PathBuf::from(record)),
        _ => return Ok(ExitCode::FAILURE),
    };
    let is_device = kind == "device";
    hclog::init(LevelFilter::TRACE);
    tracing::warn!(lamp = is_device, "This is only a trial");
    tracing::debug!("Nobody needs to know this");
    let base = Base {
        is_device,
        record: record.clone(),
    };
    let raw_exec = raw_exec(&record, args.iter().any(|arg| arg == "agent")).await?;
    let services = move |routes: &mut RoutesBuilder, _: &_| {
        routes.add_service(BasePluginServer::new(base));
        match kind.as_str() {
            "device" => routes.add_service(DeviceServer::new(Arc::new(Lamp))),
            "foreign" => routes.add_service(DriverServer::new(Arc::new(Foreign::default()))),
            _ => routes.add_service(DriverServer::new(Arc::new(raw_exec))),
        };
    };
    let cookie = Cookie::new(
        "NOMAD_PLUGIN_MAGIC_COOKIE",
        "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255",
    );
    Ok(Server::new(cookie).version(2, services).run().await)
}

/// A driver of host tasks, whose state is beside the record.
async fn raw_exec(record: &Path, by_agent: bool) -> Result<RawExec, Box<dyn Error>> {
    let program = Program::locate().unwrap_or_else(|_| Program::new("encamp-executor"));
    let driver = RawExec::new(
        Executor::new(program, record.with_extension("state")),
        Hierarchy::detect(),
    );
    let collection = if by_agent { "agent" } else { "driver" };
    let text = format!("enabled = true\nlog_collection = \"{collection}\"\n");
    let body = Body::parse(Source::new("tried", text))?;
    let value = decode(&driver.config_schema(), &body, &Context::default())?;
    driver.set_config(PluginConfig::new(value)).await?;
    Ok(driver)
}

/// What every plugin answers, with the bytes as they come.
struct Base {
    is_device: bool,
    record: PathBuf,
}

#[tonic::async_trait]
impl BasePlugin for Base {
    async fn plugin_info(
        &self,
        _: Request<wire::PluginInfoRequest>,
    ) -> Result<Response<wire::PluginInfoResponse>, Status> {
        let kind = if self.is_device {
            wire::PluginType::Device
        } else {
            wire::PluginType::Driver
        };
        Ok(Response::new(wire::PluginInfoResponse {
            r#type: kind.into(),
            plugin_api_versions: vec!["0.1.0".to_owned()],
            plugin_version: "1.2.3".to_owned(),
            name: "tried".to_owned(),
        }))
    }

    async fn config_schema(
        &self,
        _: Request<wire::ConfigSchemaRequest>,
    ) -> Result<Response<wire::ConfigSchemaResponse>, Status> {
        let schema = Spec::object([
            ("foo", Spec::attr("foo", Type::String)),
            ("bar", Spec::default_value(Spec::attr("bar", Type::Number), 7)),
            ("baz", Spec::attr("baz", Type::Bool)),
        ]);
        let spec = spec::to_message(&schema).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(wire::ConfigSchemaResponse { spec: Some(spec) }))
    }

    async fn set_config(
        &self,
        request: Request<wire::SetConfigRequest>,
    ) -> Result<Response<wire::SetConfigResponse>, Status> {
        let request = request.into_inner();
        let mut file = OpenOptions::new().append(true).create(true).open(&self.record)?;
        let mut hex = String::new();
        for byte in &request.msgpack_config {
            let _ = write!(hex, "{byte:02x}");
        }
        let node = if request.nomad_config.is_some() {
            " with a node"
        } else {
            ""
        };
        writeln!(file, "{hex} {}{node}", request.plugin_api_version)?;
        if request.msgpack_config.windows(2).any(|bytes| bytes == b"no") {
            return Err(Status::unknown("SetConfig failed: foo must not be no"));
        }
        Ok(Response::new(wire::SetConfigResponse {}))
    }
}
