//! Peers that answer with as little as the protocol allows, with nothing, or with nonsense.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes};
use encamp_proto::device as wire;
use encamp_proto::device::device_plugin_client::DevicePluginClient;
use encamp_proto::device::device_plugin_server::{self, DevicePluginServer};
use futures_util::stream;
use prost::encoding::{WireType, encode_key, encode_varint};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use super::*;

type Out<T> = futures_util::stream::BoxStream<'static, Result<T, Status>>;

/// A peer that says this and ends its streams.
#[derive(Clone, Default)]
struct Raw {
    looks: Vec<wire::FingerprintResponse>,
    needs: wire::ReserveResponse,
    samples: Vec<wire::StatsResponse>,
}

#[tonic::async_trait]
impl device_plugin_server::DevicePlugin for Raw {
    type FingerprintStream = Out<wire::FingerprintResponse>;
    type StatsStream = Out<wire::StatsResponse>;

    async fn fingerprint(
        &self,
        _: Request<wire::FingerprintRequest>,
    ) -> Result<Response<Self::FingerprintStream>, Status> {
        Ok(Response::new(
            stream::iter(self.looks.clone().into_iter().map(Ok)).boxed(),
        ))
    }

    async fn reserve(&self, _: Request<wire::ReserveRequest>) -> Result<Response<wire::ReserveResponse>, Status> {
        Ok(Response::new(self.needs.clone()))
    }

    async fn stats(&self, _: Request<wire::StatsRequest>) -> Result<Response<Self::StatsStream>, Status> {
        Ok(Response::new(
            stream::iter(self.samples.clone().into_iter().map(Ok)).boxed(),
        ))
    }
}

/// These services before our client.
async fn before_our_client(routes: Routes) -> (RemoteDevicePlugin, Cable) {
    let cable = Cable::to(routes.add_service(BaseService::server(Arc::new(Scripted::default())))).unwrap();
    let plugin = within("connect", RemoteDevicePlugin::connect(cable.channel(), cable.life())).await;
    (plugin.unwrap(), cable)
}

async fn raw(raw: Raw) -> (RemoteDevicePlugin, Cable) {
    before_our_client(Routes::new(DevicePluginServer::new(raw))).await
}

#[tokio::test]
async fn messages_with_nothing_in_them_are_understood() {
    let samples = wire::StatsResponse {
        groups: vec![wire::DeviceGroupStats {
            instance_stats: [("1".to_owned(), wire::DeviceStats::default())].into(),
            ..wire::DeviceGroupStats::default()
        }],
    };
    let (plugin, _cable) = raw(Raw {
        looks: vec![wire::FingerprintResponse::default()],
        samples: vec![wire::StatsResponse::default(), samples],
        ..Raw::default()
    })
    .await;
    let mut looks = plugin.fingerprint().await.unwrap();
    assert_eq!(next(&mut looks).await.unwrap().unwrap(), vec![]);
    assert!(
        next(&mut looks).await.is_none(),
        "the peer's stream has ended, and its process has not"
    );
    assert_eq!(plugin.reserve(&["1".to_owned()]).await.unwrap(), Reservation::default());
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    assert_eq!(next(&mut samples).await.unwrap().unwrap(), vec![]);
    let groups = next(&mut samples).await.unwrap().unwrap();
    assert_eq!(groups[0].devices["1"].stats, StatObject::default());
    assert!(next(&mut samples).await.is_none());
}

#[tokio::test]
async fn devices_that_nobody_can_use_are_an_error_that_names_them_and_no_end() {
    let group = |id: &str| wire::DeviceGroup {
        vendor: "v".to_owned(),
        device_type: "t".to_owned(),
        device_name: "n".to_owned(),
        devices: vec![wire::DetectedDevice {
            id: id.to_owned(),
            ..wire::DetectedDevice::default()
        }],
        ..wire::DeviceGroup::default()
    };
    let look = |group| wire::FingerprintResponse {
        device_group: vec![group],
    };
    let (plugin, _cable) = raw(Raw {
        looks: vec![look(wire::DeviceGroup::default()), look(group("")), look(group("1"))],
        ..Raw::default()
    })
    .await;
    let mut looks = plugin.fingerprint().await.unwrap();
    let errors = [
        "device group `//`: its vendor is empty",
        "device group `v/t/n`: the id of device 1 of 1 is empty",
    ];
    for expected in errors {
        let error = next(&mut looks).await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let groups = next(&mut looks).await.unwrap().unwrap();
    assert_eq!(groups[0].devices, [Device::unhealthy("1", "")]);
}

#[tokio::test]
async fn a_peer_that_is_no_device_plugin_is_known_as_such() {
    let (plugin, _cable) = before_our_client(Routes::default()).await;
    let errors = [
        plugin.fingerprint().await.err().unwrap(),
        plugin.stats(Duration::ZERO).await.err().unwrap(),
        plugin.reserve(&[]).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
    }
}

#[tokio::test]
async fn figures_nested_ten_thousand_deep_are_an_error_and_the_connection_lives() {
    let (plugin, _cable) = before_our_client(Routes::new(Deep(10_000))).await;
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    let error = next(&mut samples).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");
    assert!(next(&mut samples).await.is_none());
    let mut again = plugin.stats(Duration::ZERO).await.unwrap();
    assert!(next(&mut again).await.unwrap().is_err());
}

#[tokio::test]
async fn figures_nested_as_deep_as_we_send_them_are_read() {
    let (plugin, _cable) = before_our_client(Routes::new(Deep(encamp_device_grpc::MAX_DEPTH))).await;
    let mut samples = plugin.stats(Duration::ZERO).await.unwrap();
    let groups = next(&mut samples).await.unwrap().unwrap();
    let mut object = &groups[0].devices["1"].stats;
    for _ in 1..encamp_device_grpc::MAX_DEPTH {
        object = &object.nested["x"];
    }
    assert!(object.nested.is_empty());
}

#[tokio::test]
async fn a_host_that_names_no_interval_or_a_negative_one_is_told() {
    let server = DeviceServer::new(Arc::new(Scripted::default()));
    let cable = Cable::to(Routes::new(server)).unwrap();
    let mut client = DevicePluginClient::new(cable.channel());
    let backwards = prost_types::Duration { seconds: -1, nanos: 0 };
    let cases = [
        (None, "collection_interval: is missing"),
        (Some(backwards), "collection_interval: -1s is no length of time"),
    ];
    for (collection_interval, expected) in cases {
        let status = client
            .stats(wire::StatsRequest { collection_interval })
            .await
            .unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, expected));
    }
}

#[tokio::test]
async fn a_reservation_of_nothing_is_there_for_hosts_that_look_into_it() {
    let plugin = Scripted {
        needs: Box::new(|_| Ok(Reservation::default())),
        ..Scripted::default()
    };
    let cable = Cable::to(Routes::new(DeviceServer::new(Arc::new(plugin)))).unwrap();
    let mut client = DevicePluginClient::new(cable.channel());
    let answer = client
        .reserve(wire::ReserveRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.container_res, Some(wire::ContainerReservation::default()));
}

/// A peer whose figures are nested so deep.
#[derive(Clone, Copy)]
struct Deep(usize);

/// A `StatsResponse` whose groups are bytes that were written by hand: no writer of messages nests so deep.
#[derive(Clone, PartialEq, prost::Message)]
struct Opaque {
    #[prost(bytes = "bytes", tag = "1")]
    group: Bytes,
}

impl NamedService for Deep {
    const NAME: &'static str = device_plugin_server::SERVICE_NAME;
}

impl Service<http::Request<Body>> for Deep {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let stats = *self;
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Opaque, wire::StatsRequest>::default());
            Ok(grpc.server_streaming(stats, request).await)
        })
    }
}

impl ServerStreamingService<wire::StatsRequest> for Deep {
    type Response = Opaque;
    type ResponseStream = Out<Opaque>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, _: Request<wire::StatsRequest>) -> Self::Future {
        let entry = |name: &[u8], value: &[u8]| [field(1, name), field(2, value)].concat();
        let object = (1..self.0).fold(Vec::new(), |object, _| field(1, &entry(b"x", &object)));
        let device = field(2, &object);
        let group = field(4, &entry(b"1", &device)).into();
        Box::pin(async { Ok(Response::new(stream::iter([Ok(Opaque { group })]).boxed())) })
    }
}

fn field(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::with_capacity(bytes.len() + 8);
    encode_key(tag, WireType::LengthDelimited, &mut field);
    encode_varint(bytes.len() as u64, &mut field);
    field.put_slice(bytes);
    field
}
