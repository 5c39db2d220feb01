// Command kv-plugin is the plugin of ../../../examples/kv, in Go.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"

	"encamp/goplugin/peers/kv"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func main() {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr, JSONFormat: true})
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: kv.Handshake,
		Plugins: map[string]plugin.Plugin{
			"kv": &kv.Plugin{NewStore: func(broker *plugin.GRPCBroker) kv.Store {
				return &store{broker: broker, logger: logger, values: map[string][]byte{}}
			}},
		},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(1<<30))...)
		},
		Logger: logger,
	})
	if os.Getenv("KV_NEVER_ENDS") != "" {
		select {}
	}
}

type store struct {
	broker   *plugin.GRPCBroker
	logger   hclog.Logger
	mutex    sync.Mutex
	values   map[string][]byte
	watchers []*grpc.ClientConn
}

func (s *store) Get(_ context.Context, key string) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	value, ok := s.values[key]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "there is no value for %q", key)
	}
	return value, nil
}

func (s *store) Put(ctx context.Context, key string, value []byte) error {
	s.logger.Info("Putting a value", "key", key, "bytes", len(value))
	if key == "flood the original standard output" {
		flood := strings.Repeat("x", 1<<20) + "\n"
		if _, err := syscall.Write(1, []byte(flood)); err != nil {
			return err
		}
	}
	fmt.Println(key)
	s.mutex.Lock()
	s.values[key] = value
	watchers := s.watchers
	s.mutex.Unlock()
	for _, watcher := range watchers {
		if err := kv.Changed(ctx, watcher, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) Subscribe(_ context.Context, connection uint32) error {
	conn, err := s.broker.Dial(connection)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.watchers = append(s.watchers, conn)
	return nil
}

func (s *store) Open(context.Context) (uint32, error) {
	connection := s.broker.NextId()
	go s.broker.AcceptAndServe(connection, func(opts []grpc.ServerOption) *grpc.Server {
		server := grpc.NewServer(opts...)
		kv.Register(server, s)
		return server
	})
	return connection, nil
}

func (s *store) Follow(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
