package host

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/nomad/plugins/base"
	"github.com/hashicorp/nomad/plugins/device"
	"github.com/shoenig/test/must"
	"github.com/zclconf/go-cty/cty/msgpack"
)

// A plugin whose devices are the files of a directory, named by ENCAMP_DEVICE_PLUGIN.
func TestDevicesAreFoundReservedAndMeasured(t *testing.T) {
	program := os.Getenv("ENCAMP_DEVICE_PLUGIN")
	if program == "" {
		t.Skip("ENCAMP_DEVICE_PLUGIN names no program")
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: base.Handshake,
		Plugins: plugin.PluginSet{
			base.PluginTypeBase:   &base.PluginBase{},
			base.PluginTypeDevice: &device.PluginDevice{},
		},
		Cmd:              exec.Command(program),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(client.Kill)
	rpc, err := client.Client()
	must.NoError(t, err)
	raw, err := rpc.Dispense(base.PluginTypeDevice)
	must.NoError(t, err)
	devices := raw.(device.DevicePlugin)
	info, err := devices.PluginInfo()
	must.NoError(t, err)
	must.Eq(t, base.PluginTypeDevice, info.Type)

	directory := t.TempDir()
	must.NoError(t, os.WriteFile(filepath.Join(directory, "key"), []byte("secret"), 0o600))
	schema, err := devices.ConfigSchema()
	must.NoError(t, err)
	value := decode(t, schema, map[string]any{"directory": directory})
	config, err := msgpack.Marshal(value, value.Type())
	must.NoError(t, err)
	must.NoError(t, devices.SetConfig(&base.Config{ApiVersion: device.ApiVersion010, PluginConfig: config}))

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	looks, err := devices.Fingerprint(ctx)
	must.NoError(t, err)
	look := <-looks
	must.NoError(t, look.Error)
	must.Len(t, 1, look.Devices)
	must.NoError(t, look.Devices[0].Validate())
	must.Eq(t, "key", look.Devices[0].Devices[0].ID)

	reserved, err := devices.Reserve([]string{"key"})
	must.NoError(t, err)
	must.Eq(t, filepath.Join(directory, "key"), reserved.Mounts[0].HostPath)
	_, err = devices.Reserve([]string{"no such device"})
	must.Error(t, err)

	stats, err := devices.Stats(ctx, 100*time.Millisecond)
	must.NoError(t, err)
	for range 2 {
		sample := <-stats
		must.NoError(t, sample.Error)
		must.MapContainsKey(t, sample.Groups[0].InstanceStats, "key")
	}

	must.NoError(t, os.WriteFile(filepath.Join(directory, "another"), []byte("secret"), 0o600))
	look, open := <-looks
	must.True(t, open, must.Sprint("the stream ended: an agent would give up the plugin"))
	must.NoError(t, look.Error)
	must.Len(t, 2, look.Devices[0].Devices)
	asked := time.Now()
	client.Kill()
	must.Less(t, 2*time.Second, time.Since(asked))
}
