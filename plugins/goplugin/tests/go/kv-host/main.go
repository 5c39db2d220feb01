// Command kv-host does with a plugin what a host in Go does, and ends with 1 and the reason where something is not right.
//
//	kv-host SCENARIO PLUGIN
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"encamp/goplugin/peers/kv"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

var scenarios = map[string]func(path string) error{
	"plain":    func(path string) error { return use(path, &plugin.ClientConfig{}) },
	"automtls": func(path string) error { return use(path, &plugin.ClientConfig{AutoMTLS: true}) },
	"mux":      func(path string) error { return use(path, &plugin.ClientConfig{GRPCBrokerMultiplex: true}) },
	"mux-automtls": func(path string) error {
		return use(path, &plugin.ClientConfig{GRPCBrokerMultiplex: true, AutoMTLS: true})
	},
	"leave":    leave,
	"reattach": reattach,
	"bench":    bench,
}

func main() {
	if err := scenarios[os.Args[1]](os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// buffer can be written to while it is read.
type buffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(p)
}

func (b *buffer) wait(what, text string) error {
	var seen string
	for range 1000 {
		b.mutex.Lock()
		seen = b.bytes.String()
		b.mutex.Unlock()
		if strings.Contains(seen, text) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("no %q in %s: %s", text, what, seen)
}

func config(path string, c *plugin.ClientConfig) *plugin.ClientConfig {
	c.HandshakeConfig = kv.Handshake
	c.Plugins = map[string]plugin.Plugin{"kv": &kv.Plugin{}}
	if c.Reattach == nil {
		c.Cmd = exec.Command(path)
	}
	c.AllowedProtocols = []plugin.Protocol{plugin.ProtocolGRPC}
	return c
}

func dispense(client *plugin.Client) (*kv.Client, plugin.ClientProtocol, error) {
	protocol, err := client.Client()
	if err != nil {
		return nil, nil, err
	}
	if err := protocol.Ping(); err != nil {
		return nil, nil, fmt.Errorf("ping: %w", err)
	}
	raw, err := protocol.Dispense("kv")
	if err != nil {
		return nil, nil, err
	}
	return raw.(*kv.Client), protocol, nil
}

// use does everything that a host can do with a plugin that it has launched.
func use(path string, c *plugin.ClientConfig) error {
	var logs, stdout buffer
	c.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &logs})
	c.SyncStdout = &stdout
	client := plugin.NewClient(config(path, c))
	defer client.Kill()
	store, _, err := dispense(client)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	steps := []func() error{
		func() error { return values(ctx, store) },
		func() error { return logs.wait("the log", "Putting a value: ") },
		func() error { return logs.wait("the log", "key=a ") },
		func() error { return stdout.wait("the output", "a\n") },
		func() error { return broker(ctx, store) },
		func() error { return interrupt(ctx, client, store) },
		func() error { _, err := store.Follow(ctx); return err },
	}
	for n, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w\n%s", n, err, logs.bytes.String())
		}
	}
	return end(client, &logs)
}

func values(ctx context.Context, store *kv.Client) error {
	if err := store.Put(ctx, "a", []byte("b")); err != nil {
		return err
	}
	large := bytes.Repeat([]byte("x"), 5<<20)
	if err := store.Put(ctx, "large", large); err != nil {
		return fmt.Errorf("5 MiB: %w", err)
	}
	value, err := store.Get(ctx, "large")
	if err == nil && !bytes.Equal(value, large) {
		err = errors.New("another value comes back")
	}
	return err
}

func broker(ctx context.Context, store *kv.Client) error {
	changes := make(chan string, 10)
	connection := store.Broker.NextId()
	go store.Broker.AcceptAndServe(connection, func(opts []grpc.ServerOption) *grpc.Server {
		server := grpc.NewServer(opts...)
		kv.RegisterWatcher(server, func(key string) { changes <- key })
		return server
	})
	if err := store.Subscribe(ctx, connection); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if err := store.Put(ctx, "told", nil); err != nil {
		return err
	}
	if key := <-changes; key != "told" {
		return fmt.Errorf("told of %q", key)
	}
	// Several of the plugin's connections, one after another and used side by side.
	for n := range 3 {
		connection, err := store.Open(ctx)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		conn, err := store.Broker.Dial(connection)
		if err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		defer conn.Close()
		key := fmt.Sprintf("connection %d", n)
		if err := (&kv.Client{Conn: conn}).Put(ctx, key, nil); err != nil {
			return fmt.Errorf("put on connection %d: %w", n, err)
		}
		if told := <-changes; told != key {
			return fmt.Errorf("told of %q", told)
		}
	}
	return nil
}

func interrupt(ctx context.Context, client *plugin.Client, store *kv.Client) error {
	pid := client.ReattachConfig().Pid
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		return err
	}
	return store.Put(ctx, "after SIGINT", nil)
}

// end kills the plugin, which has to end by itself, at once, and take its socket with it.
func end(client *plugin.Client, logs *buffer) error {
	address := client.ReattachConfig().Addr
	started := time.Now()
	client.Kill()
	if took := time.Since(started); took > 2*time.Second {
		return fmt.Errorf("it took %v to end", took)
	}
	if err := logs.wait("the log", "plugin exited"); err != nil {
		return err
	}
	if strings.Contains(logs.bytes.String(), "failed to exit gracefully") {
		return errors.New("it was killed")
	}
	if _, err := os.Stat(address.String()); address.Network() == "unix" && err == nil {
		return fmt.Errorf("%v is left", address)
	}
	return nil
}

type record struct {
	Network, Address string
	Pid              int
}

// leave launches a plugin and goes, as an agent does that is restarted.
func leave(path string) error {
	client := plugin.NewClient(config(path, &plugin.ClientConfig{Logger: hclog.NewNullLogger()}))
	store, _, err := dispense(client)
	if err != nil {
		return err
	}
	if err := store.Put(context.Background(), "a", []byte("b")); err != nil {
		return err
	}
	config := client.ReattachConfig()
	return json.NewEncoder(os.Stdout).Encode(record{config.Addr.Network(), config.Addr.String(), config.Pid})
}

// reattach finds a plugin again by the record that leave has printed.
func reattach(text string) error {
	var r record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	var logs buffer
	client := plugin.NewClient(config("", &plugin.ClientConfig{
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &logs}),
		Reattach: &plugin.ReattachConfig{
			Protocol:        plugin.ProtocolGRPC,
			ProtocolVersion: 1,
			Addr:            &net.UnixAddr{Name: r.Address, Net: r.Network},
			Pid:             r.Pid,
		},
	}))
	store, _, err := dispense(client)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if value, err := store.Get(ctx, "a"); err != nil || string(value) != "b" {
		return fmt.Errorf("get: %q, %w", value, err)
	}
	// The first host had its standard error.
	for range 10 {
		if err := store.Put(ctx, "b", nil); err != nil {
			return fmt.Errorf("put with a closed standard error: %w", err)
		}
	}
	if err := broker(ctx, store); err != nil {
		return err
	}
	client.Kill()
	if err := syscall.Kill(r.Pid, 0); err == nil {
		if state, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.Pid)); !bytes.Contains(state, []byte(") Z ")) {
			return errors.New("it lives on")
		}
	}
	return nil
}

// bench prints how many nanoseconds each of many pings takes, after how many it took until the first.
func bench(path string) error {
	started := time.Now()
	client := plugin.NewClient(config(path, &plugin.ClientConfig{Logger: hclog.NewNullLogger()}))
	defer client.Kill()
	_, protocol, err := dispense(client)
	if err != nil {
		return err
	}
	fmt.Println(time.Since(started).Nanoseconds())
	for range 2000 {
		started := time.Now()
		if err := protocol.Ping(); err != nil {
			return err
		}
		fmt.Println(time.Since(started).Nanoseconds())
	}
	return nil
}
