// Package kv is the service of ../../examples/kv/kv.proto, as Go's go-plugin serves and calls it.
//
// There is no generated code: each message has the wire form of a well-known one.
package kv

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "KV_PLUGIN",
	MagicCookieValue: "hello",
}

// Store is what a plugin serves.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, value []byte) error
	Subscribe(ctx context.Context, connection uint32) error
	Open(ctx context.Context) (uint32, error)
	Follow(ctx context.Context) error
}

// Watcher is what a host serves to the plugin.
type Watcher func(key string)

// Plugin is both ends; Store and Broker are nil in the host.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	NewStore func(*plugin.GRPCBroker) Store
}

func (p *Plugin) GRPCServer(broker *plugin.GRPCBroker, s *grpc.Server) error {
	Register(s, p.NewStore(broker))
	return nil
}

func (p *Plugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &Client{Conn: conn, Broker: broker}, nil
}

// Register serves store.
func Register(s *grpc.Server, store Store) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "kv.Kv",
		HandlerType: (*Store)(nil),
		Methods: []grpc.MethodDesc{
			unary("Get", func(ctx context.Context, s Store, in *wrapperspb.StringValue) (*wrapperspb.BytesValue, error) {
				value, err := s.Get(ctx, in.Value)
				return wrapperspb.Bytes(value), err
			}),
			unary("Put", func(ctx context.Context, s Store, in *anypb.Any) (*emptypb.Empty, error) {
				return &emptypb.Empty{}, s.Put(ctx, in.TypeUrl, in.Value)
			}),
			unary("Subscribe", func(ctx context.Context, s Store, in *wrapperspb.UInt32Value) (*emptypb.Empty, error) {
				return &emptypb.Empty{}, s.Subscribe(ctx, in.Value)
			}),
			unary("Open", func(ctx context.Context, s Store, _ *emptypb.Empty) (*wrapperspb.UInt32Value, error) {
				connection, err := s.Open(ctx)
				return wrapperspb.UInt32(connection), err
			}),
		},
		Streams: []grpc.StreamDesc{{
			StreamName:    "Follow",
			ServerStreams: true,
			Handler:       func(s any, stream grpc.ServerStream) error { return s.(Store).Follow(stream.Context()) },
		}},
	}, store)
}

// RegisterWatcher serves watcher.
func RegisterWatcher(s *grpc.Server, watcher Watcher) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "kv.Watcher",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			unary("Changed", func(_ context.Context, w Watcher, in *wrapperspb.StringValue) (*emptypb.Empty, error) {
				w(in.Value)
				return &emptypb.Empty{}, nil
			}),
		},
	}, watcher)
}

func unary[S, I, O any](name string, call func(context.Context, S, *I) (O, error)) grpc.MethodDesc {
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(s any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(I)
			if err := decode(in); err != nil {
				return nil, err
			}
			return call(ctx, s.(S), in)
		},
	}
}

// Client calls a plugin.
type Client struct {
	Conn   grpc.ClientConnInterface
	Broker *plugin.GRPCBroker
}

func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	out := new(wrapperspb.BytesValue)
	err := c.Conn.Invoke(ctx, "/kv.Kv/Get", wrapperspb.String(key), out)
	return out.Value, err
}

func (c *Client) Put(ctx context.Context, key string, value []byte) error {
	return c.Conn.Invoke(ctx, "/kv.Kv/Put", &anypb.Any{TypeUrl: key, Value: value}, new(emptypb.Empty))
}

func (c *Client) Subscribe(ctx context.Context, connection uint32) error {
	return c.Conn.Invoke(ctx, "/kv.Kv/Subscribe", wrapperspb.UInt32(connection), new(emptypb.Empty))
}

func (c *Client) Open(ctx context.Context) (uint32, error) {
	out := new(wrapperspb.UInt32Value)
	err := c.Conn.Invoke(ctx, "/kv.Kv/Open", new(emptypb.Empty), out)
	return out.Value, err
}

// Follow opens the stream that stays open.
func (c *Client) Follow(ctx context.Context) (grpc.ClientStream, error) {
	stream, err := c.Conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/kv.Kv/Follow")
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(new(emptypb.Empty)); err != nil {
		return nil, err
	}
	return stream, stream.CloseSend()
}

// Changed tells the host.
func Changed(ctx context.Context, conn grpc.ClientConnInterface, key string) error {
	return conn.Invoke(ctx, "/kv.Watcher/Changed", wrapperspb.String(key), new(emptypb.Empty))
}
