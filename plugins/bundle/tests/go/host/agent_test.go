// Package host launches plugins as a Nomad agent does: with the agent's own libraries.
package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"encamp.test/peers/agent"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/nomad/client/lib/numalib"
	"github.com/hashicorp/nomad/helper/pluginutils/hclspecutils"
	"github.com/hashicorp/nomad/helper/pluginutils/hclutils"
	"github.com/hashicorp/nomad/helper/uuid"
	"github.com/hashicorp/nomad/nomad/structs"
	"github.com/hashicorp/nomad/plugins/base"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/hashicorp/nomad/plugins/shared/hclspec"
	"github.com/shoenig/test/must"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"
)

// A driver under test: how it is configured, and how it runs a shell script.
type subject struct {
	name   string
	config map[string]any
	script func(script string) map[string]any
}

var subjects = []subject{
	{"raw_exec", map[string]any{"enabled": true}, shell},
	{"exec", map[string]any{}, shell},
	{"docker", map[string]any{}, func(script string) map[string]any {
		return map[string]any{"image": image, "command": "/bin/sh", "args": []any{"-c", script}}
	}},
}

func shell(script string) map[string]any {
	return map[string]any{"command": "/bin/sh", "args": []any{"-c", script}}
}

// The drivers that ENCAMP_DRIVERS names (all of them without it), each as a subtest of its own.
func each(t *testing.T, test func(t *testing.T, s subject)) {
	chosen := os.Getenv("ENCAMP_DRIVERS")
	for _, s := range subjects {
		if chosen != "" && !bytes.Contains([]byte(","+chosen+","), []byte(","+s.name+",")) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			if s.name == "docker" {
				makeImage(t)
			}
			test(t, s)
		})
	}
}

// A plugin that runs, or that was found again.
type host struct {
	t      testing.TB
	client *plugin.Client
	base   base.BasePlugin
	driver drivers.DriverPlugin
	stderr *bytes.Buffer
}

func command(t testing.TB, name string) *exec.Cmd {
	dir := os.Getenv("ENCAMP_PLUGIN_DIR")
	must.NotEq(t, "", dir, must.Sprint("ENCAMP_PLUGIN_DIR names no directory of plugins"))
	command := exec.Command(filepath.Join(dir, name))
	if state := os.Getenv("ENCAMP_STATE_DIR"); state != "" {
		command.Args = append(command.Args, "--state-dir", filepath.Join(state, name))
	}
	return command
}

func clientConfig() *plugin.ClientConfig {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Off})
	return &plugin.ClientConfig{
		HandshakeConfig: base.Handshake,
		Plugins: plugin.PluginSet{
			base.PluginTypeBase:   &base.PluginBase{},
			base.PluginTypeDriver: drivers.NewDriverPlugin(nil, logger),
		},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           logger,
	}
}

// A plugin that runs and has no configuration yet.
func launch(t testing.TB, name string) *host {
	config := clientConfig()
	config.Cmd = command(t, name)
	stderr := &bytes.Buffer{}
	config.Stderr = stderr
	h := connect(t, config)
	h.stderr = stderr
	return h
}

func connect(t testing.TB, config *plugin.ClientConfig) *host {
	client := plugin.NewClient(config)
	t.Cleanup(client.Kill)
	rpc, err := client.Client()
	must.NoError(t, err)
	raw, err := rpc.Dispense(base.PluginTypeDriver)
	must.NoError(t, err)
	h := &host{t: t, client: client, driver: raw.(drivers.DriverPlugin)}
	raw, err = rpc.Dispense(base.PluginTypeBase)
	must.NoError(t, err)
	h.base = raw.(base.BasePlugin)
	return h
}

// A plugin as an agent uses it: launched, configured, told of the node.
func use(t testing.TB, s subject) *host {
	h := launch(t, s.name)
	h.configure(s)
	return h
}

func (h *host) configure(s subject) {
	must.NoError(h.t, h.base.SetConfig(&base.Config{
		ApiVersion:   drivers.ApiVersion010,
		PluginConfig: h.pluginConfig(s.config),
		AgentConfig: &base.AgentConfig{Driver: &base.ClientDriverConfig{
			ClientMinPort: 14000,
			ClientMaxPort: 14512,
			Topology:      numalib.Scan(numalib.PlatformScanners(false)),
		}},
	}))
}

func (h *host) pluginConfig(config map[string]any) []byte {
	schema, err := h.base.ConfigSchema()
	must.NoError(h.t, err)
	value := decode(h.t, schema, config)
	encoded, err := msgpack.Marshal(value, value.Type())
	must.NoError(h.t, err)
	return encoded
}

func decode(t testing.TB, schema *hclspec.Spec, config map[string]any) cty.Value {
	spec, diagnostics := hclspecutils.Convert(schema)
	must.False(t, diagnostics.HasErrors(), must.Sprint(diagnostics))
	value, diagnostics, errors := hclutils.ParseHclInterface(config, spec, nil)
	must.False(t, diagnostics.HasErrors(), must.Sprint(errors))
	return value
}

func TestMain(m *testing.M) {
	if err := agent.Begin(); err != nil {
		fmt.Fprintln(os.Stderr, "cannot make the agent's cgroups:", err)
		os.Exit(1)
	}
	code := m.Run()
	agent.End()
	os.Exit(code)
}

// A task that runs a script, with the directories and cgroups that an agent makes for it.
func (h *host) task(s subject, script string) *drivers.TaskConfig {
	h.t.Helper()
	allocDir := h.t.TempDir()
	must.NoError(h.t, os.Chmod(allocDir, 0o755))
	for _, dir := range []string{"alloc/logs", "alloc/tmp", "alloc/data", "web/local", "web/secrets", "web/tmp"} {
		must.NoError(h.t, os.MkdirAll(filepath.Join(allocDir, dir), 0o777))
	}
	allocID := uuid.Generate()
	cgroup, err := agent.Setup(allocID, "web")
	must.NoError(h.t, err)
	h.t.Cleanup(func() { _ = agent.Teardown(allocID, "web") })
	task := &drivers.TaskConfig{
		ID:            fmt.Sprintf("%s/web/%s", allocID, uuid.Short()),
		AllocID:       allocID,
		Name:          "web",
		JobName:       "job",
		JobID:         "job",
		TaskGroupName: "group",
		Namespace:     "default",
		NodeName:      "node",
		AllocDir:      allocDir,
		Env:           map[string]string{"PATH": "/bin:/usr/bin", "GREETING": "hello"},
		StdoutPath:    filepath.Join(allocDir, "alloc/logs/.web.stdout.fifo"),
		StderrPath:    filepath.Join(allocDir, "alloc/logs/.web.stderr.fifo"),
		Resources: &drivers.Resources{
			NomadResources: &structs.AllocatedTaskResources{
				Cpu:    structs.AllocatedCpuResources{CpuShares: 250},
				Memory: structs.AllocatedMemoryResources{MemoryMB: 64},
			},
			LinuxResources: &drivers.LinuxResources{
				MemoryLimitBytes: 64 << 20,
				CPUShares:        250,
				PercentTicks:     0.1,
				CpusetCgroupPath: cgroup,
			},
		},
	}
	schema, err := h.driver.TaskConfigSchema()
	must.NoError(h.t, err)
	must.NoError(h.t, task.EncodeDriverConfig(decode(h.t, schema, s.script(script))))
	return task
}

// A task that was started, and that is gone when the test ends.
func (h *host) start(s subject, script string) (*drivers.TaskConfig, *drivers.TaskHandle) {
	h.t.Helper()
	task := h.task(s, script)
	handle, _, err := h.driver.StartTask(task)
	must.NoError(h.t, err)
	h.t.Cleanup(func() { _ = h.driver.DestroyTask(task.ID, true) })
	return task, handle
}

func (h *host) wait(id string) *drivers.ExitResult {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	results, err := h.driver.WaitTask(ctx, id)
	must.NoError(h.t, err)
	result, open := <-results
	must.True(h.t, open, must.Sprint("the wait ended without a result"))
	return result
}

// until looks again and again until a condition holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("in 30 s it did not come to this: %s", what)
}

// alive says whether a process is there and no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return !bytes.HasPrefix(rest, []byte("Z"))
}
