//! The reflection services, which cost nothing until somebody asks.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_reflection::server::{Builder, Error};
use tower_service::Service;

/// Adds both versions of the service; `descriptors` are those of the plugin's own services.
pub(super) fn add(routes: Routes, mut descriptors: Vec<&'static [u8]>) -> Routes {
    descriptors.push(encamp_proto::plugin::FILE_DESCRIPTOR_SET);
    descriptors.push(tonic_health::pb::FILE_DESCRIPTOR_SET);
    let descriptors = Arc::new(descriptors);
    routes
        .add_service(Lazy::<V1>::new(Arc::clone(&descriptors)))
        .add_service(Lazy::<V1Alpha>::new(descriptors))
}

trait Version: Send + Sync + 'static {
    const NAME: &'static str;

    fn build(builder: Builder<'_>) -> Result<Routes, Error>;
}

struct V1;

impl Version for V1 {
    const NAME: &'static str = "grpc.reflection.v1.ServerReflection";

    fn build(builder: Builder<'_>) -> Result<Routes, Error> {
        builder.build_v1().map(Routes::new)
    }
}

struct V1Alpha;

impl Version for V1Alpha {
    const NAME: &'static str = "grpc.reflection.v1alpha.ServerReflection";

    fn build(builder: Builder<'_>) -> Result<Routes, Error> {
        builder.build_v1alpha().map(Routes::new)
    }
}

/// Decodes the descriptors at the first call.
struct Lazy<V> {
    descriptors: Arc<Vec<&'static [u8]>>,
    built: Arc<OnceLock<Routes>>,
    version: PhantomData<V>,
}

impl<V: Version> Lazy<V> {
    fn new(descriptors: Arc<Vec<&'static [u8]>>) -> Self {
        Self {
            descriptors,
            built: Arc::default(),
            version: PhantomData,
        }
    }

    fn build(&self) -> Routes {
        let builder = |descriptors: &[&'static [u8]]| {
            let builder = Builder::configure();
            descriptors.iter().fold(builder, |builder, set| {
                builder.register_encoded_file_descriptor_set(set)
            })
        };
        V::build(builder(&self.descriptors)).unwrap_or_else(|error| {
            tracing::warn!(%error, "The descriptors for reflection cannot be read");
            Routes::default()
        })
    }
}

impl<V> Clone for Lazy<V> {
    fn clone(&self) -> Self {
        Self {
            descriptors: Arc::clone(&self.descriptors),
            built: Arc::clone(&self.built),
            version: PhantomData,
        }
    }
}

impl<V: Version> NamedService for Lazy<V> {
    const NAME: &'static str = V::NAME;
}

impl<V: Version> Service<Request<Body>> for Lazy<V> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Routes as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.built.get_or_init(|| self.build()).clone().call(request)
    }
}
