package host

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/nomad/plugins/base"
	bstructs "github.com/hashicorp/nomad/plugins/base/structs"
	"github.com/hashicorp/nomad/plugins/drivers"
	"github.com/hashicorp/nomad/plugins/drivers/testutils"
	"github.com/shoenig/test/must"
)

func TestPluginSaysWhoItIsAndEndsWhenAsked(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := launch(t, s.name)
		info, err := h.base.PluginInfo()
		must.NoError(t, err)
		must.Eq(t, base.PluginTypeDriver, info.Type)
		must.Eq(t, s.name, info.Name)
		must.SliceContains(t, info.PluginApiVersions, drivers.ApiVersion010)
		schema, err := h.base.ConfigSchema()
		must.NoError(t, err)
		must.NotNil(t, schema)
		pid := h.client.ReattachConfig().Pid
		asked := time.Now()
		h.client.Kill()
		must.Less(t, 2*time.Second, time.Since(asked))
		must.False(t, alive(pid))
	})
}

func TestConfigurationCanBeSetTwiceAndOnlyChecked(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := launch(t, s.name)
		check := &base.Config{ApiVersion: drivers.ApiVersion010, PluginConfig: h.pluginConfig(s.config)}
		must.NoError(t, h.base.SetConfig(check))
		must.NoError(t, h.base.SetConfig(check))
		h.configure(s)
		garbage := &base.Config{ApiVersion: drivers.ApiVersion010, PluginConfig: []byte("config {")}
		must.Error(t, h.base.SetConfig(garbage))
	})
}

func TestFingerprintIsThereAtOnceAndStaysOpen(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		looks, err := h.driver.Fingerprint(ctx)
		must.NoError(t, err)
		select {
		case look := <-looks:
			must.NoError(t, look.Err)
			must.Eq(t, drivers.HealthStateHealthy, look.Health, must.Sprint(look.HealthDescription))
			must.MapContainsKey(t, look.Attributes, "driver."+s.name)
		case <-time.After(10 * time.Second):
			t.Fatal("no fingerprint")
		}
		select {
		case look, open := <-looks:
			must.True(t, open, must.Sprintf("the stream ended: %v", look))
		case <-time.After(time.Second):
		}
	})
}

func TestCapabilitiesReachTheAgent(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		found, err := use(t, s).driver.Capabilities()
		must.NoError(t, err)
		must.True(t, found.Exec)
		must.True(t, found.SendSignals)
		must.True(t, found.DisableLogCollection, must.Sprint("the agent would start a process for every task's logs"))
	})
}

func TestTaskRunsToItsExit(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, handle := h.start(s, "echo $GREETING; echo problems >&2; exit 3")
		must.NotNil(t, handle.Config, must.Sprint("an agent keeps this, and finds the task by it"))
		must.SliceNotEmpty(t, handle.DriverState)
		for range 2 {
			result := h.wait(task.ID)
			must.NoError(t, result.Err)
			must.Eq(t, 3, result.ExitCode)
		}
		status, err := h.driver.InspectTask(task.ID)
		must.NoError(t, err)
		must.Eq(t, drivers.TaskStateExited, status.State)
		must.Eq(t, 3, status.ExitResult.ExitCode)
		must.NoError(t, status.ExitResult.Err)
		// Where `nomad alloc logs` looks, with no process of the agent's that writes it.
		logged(t, task, "stdout", "hello\n")
		logged(t, task, "stderr", "problems\n")
		must.NoError(t, h.driver.DestroyTask(task.ID, false))
		must.Error(t, h.driver.DestroyTask(task.ID, false))
	})
}

func logged(t *testing.T, task *drivers.TaskConfig, stream, expected string) {
	t.Helper()
	path := filepath.Join(task.AllocDir, "alloc/logs/web."+stream+".0")
	until(t, path+" holds "+expected, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && string(text) == expected
	})
}

func TestTaskThatCannotStartSaysWhy(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task := h.task(subject{s.name, s.config, func(string) map[string]any {
			config := s.script("")
			config["command"] = "/no/such/program"
			return config
		}}, "")
		_, _, err := h.driver.StartTask(task)
		if err == nil {
			t.Cleanup(func() { _ = h.driver.DestroyTask(task.ID, true) })
			result := h.wait(task.ID)
			must.False(t, result.Successful())
			return
		}
		must.StrContains(t, err.Error(), "/no/such/program")
	})
}

func TestStopThatEscalatesReportsTheSignal(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "trap '' TERM INT; echo ready; while true; do sleep 0.1; done")
		logged(t, task, "stdout", "ready\n")
		must.NoError(t, h.driver.StopTask(task.ID, 300*time.Millisecond, "SIGTERM"))
		result := h.wait(task.ID)
		must.NoError(t, result.Err)
		must.True(t, result.Signal == 9 || result.ExitCode == 137, must.Sprintf("%+v", result))
		must.NoError(t, h.driver.StopTask(task.ID, time.Second, ""))
	})
}

func TestKillForWantOfMemoryIsToldInWords(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "x=x; while true; do x=$x$x; done")
		result := h.wait(task.ID)
		must.True(t, result.OOMKilled)
		must.ErrorContains(t, result.Err, "OOM Killed")
	})
}

func TestSignalReachesTheTask(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "trap 'echo caught; exit 7' USR1; echo ready; while true; do sleep 0.1; done")
		logged(t, task, "stdout", "ready\n")
		must.NoError(t, h.driver.SignalTask(task.ID, "SIGUSR1"))
		must.Eq(t, 7, h.wait(task.ID).ExitCode)
		logged(t, task, "stdout", "ready\ncaught\n")
	})
}

func TestStatsComeAtOnceAndEndWithTheTask(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "sleep 60")
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		samples, err := h.driver.TaskStats(ctx, task.ID, 100*time.Millisecond)
		must.NoError(t, err)
		for range 2 {
			sample, open := <-samples
			must.True(t, open)
			must.NotNil(t, sample.ResourceUsage.CpuStats)
			// The agent's table has a column for whatever was measured, and no value for this one.
			must.SliceNotContains(t, sample.ResourceUsage.CpuStats.Measured, "Total Ticks")
			must.SliceNotEmpty(t, sample.ResourceUsage.MemoryStats.Measured)
		}
		must.NoError(t, h.driver.StopTask(task.ID, 0, "SIGKILL"))
		for range samples {
		}
		must.NoError(t, ctx.Err())
	})
}

func TestExecGivesOutputAndExit(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "sleep 60")
		result, err := h.driver.ExecTask(task.ID, []string{"/bin/sh", "-c", "echo out; exit 5"}, 10*time.Second)
		must.NoError(t, err)
		must.Eq(t, "out\n", string(result.Stdout))
		must.Eq(t, 5, result.ExitResult.ExitCode)
	})
}

func TestExecOfNoSuchCommandLeavesTheTaskAlone(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "sleep 60")
		result, err := h.driver.ExecTask(task.ID, []string{"/no/such/program"}, 10*time.Second)
		must.True(t, err != nil || result.ExitResult.ExitCode != 0)
		status, err := h.driver.InspectTask(task.ID)
		must.NoError(t, err)
		must.Eq(t, drivers.TaskStateRunning, status.State)
	})
}

func TestExecKeepsItsDeadline(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "sleep 60")
		started := time.Now()
		result, err := h.driver.ExecTask(task.ID, []string{"/bin/sh", "-c", "sleep 30"}, time.Second)
		must.Less(t, 10*time.Second, time.Since(started))
		must.True(t, err != nil || result.ExitResult.ExitCode != 0)
	})
}

// Upstream's own cases for exec sessions, with and without a terminal.
func TestExecSessions(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "sleep 600")
		testutils.TestExecTaskStreamingBasicResponses(t, testutils.NewDriverHarness(t, h.driver), task.ID)
	})
}

// The agent hands the error on in the close frame of a websocket, and breaks the session off where it does not fit.
func TestExecSessionThatCannotStartSaysWhyInAFrame(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "sleep 60")
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		program := "/no/such" + strings.Repeat("/directory", 20) + "/program"
		sessions := h.driver.(drivers.ExecTaskStreamingRawDriver)
		user := &user{ctx: ctx}
		err := sessions.ExecTaskStreamingRaw(ctx, task.ID, []string{program}, false, user)
		must.NoError(t, ctx.Err())
		if s.name == "docker" {
			// The engine runs a session that says so.
			must.NoError(t, err)
			must.NotEq(t, 0, user.exit)
			return
		}
		must.ErrorContains(t, err, "/no/such")
		must.LessEq(t, 123, len(err.Error()))
	})
}

// A user of a session who says nothing, and remembers how it ended.
type user struct {
	ctx  context.Context
	exit int
}

func (u *user) Send(answer *drivers.ExecTaskStreamingResponseMsg) error {
	if answer.Exited {
		u.exit = int(answer.Result.GetExitCode())
	}
	return nil
}

func (u *user) Recv() (*drivers.ExecTaskStreamingRequestMsg, error) {
	<-u.ctx.Done()
	return nil, io.EOF
}

func TestEventsStayOpen(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		events, err := h.driver.TaskEvents(ctx)
		must.NoError(t, err)
		select {
		case event, open := <-events:
			must.True(t, open, must.Sprintf("the stream ended: %v", event))
		case <-time.After(time.Second):
		}
	})
}

func TestHostFindsPluginAndTaskAgain(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, handle := h.start(s, "sleep 2; exit 4")
		config := clientConfig()
		config.Reattach = &plugin.ReattachConfig{
			Protocol:        plugin.ProtocolGRPC,
			ProtocolVersion: 2,
			Addr:            h.client.ReattachConfig().Addr,
			Pid:             h.client.ReattachConfig().Pid,
		}
		again := connect(t, config)
		_, err := again.base.PluginInfo()
		must.NoError(t, err)
		must.NoError(t, again.driver.RecoverTask(restored(handle)))
		must.Eq(t, 4, again.wait(task.ID).ExitCode)
		must.NoError(t, again.driver.DestroyTask(task.ID, false))
	})
}

func TestTaskOutlivesItsPlugin(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, handle := h.start(s, "echo before; sleep 3; echo after; exit 6")
		logged(t, task, "stdout", "before\n")
		waiting := make(chan *drivers.ExitResult, 1)
		go func() { waiting <- h.wait(task.ID) }()
		must.NoError(t, syscall.Kill(h.client.ReattachConfig().Pid, syscall.SIGKILL))
		select {
		case result := <-waiting:
			must.Eq(t, bstructs.ErrPluginShutdown, result.Err)
		case <-time.After(10 * time.Second):
			t.Fatal("the wait goes on without a plugin")
		}
		fresh := use(t, s)
		must.NoError(t, fresh.driver.RecoverTask(restored(handle)))
		t.Cleanup(func() { _ = fresh.driver.DestroyTask(task.ID, true) })
		must.Eq(t, 6, fresh.wait(task.ID).ExitCode)
		logged(t, task, "stdout", "before\nafter\n")
	})
}

// What an agent still has of a handle after a restart: the driver's configuration is not written down.
func restored(handle *drivers.TaskHandle) *drivers.TaskHandle {
	again := handle.Copy()
	task := handle.Config
	again.Config = &drivers.TaskConfig{
		ID: task.ID, AllocID: task.AllocID, Name: task.Name, JobName: task.JobName, JobID: task.JobID,
		TaskGroupName: task.TaskGroupName, Namespace: task.Namespace, NodeName: task.NodeName, AllocDir: task.AllocDir,
		Env: task.Env, StdoutPath: task.StdoutPath, StderrPath: task.StderrPath, Resources: task.Resources,
	}
	return again
}

func TestPluginOutlivesAnInterrupt(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		must.NoError(t, syscall.Kill(h.client.ReattachConfig().Pid, syscall.SIGINT))
		_, err := h.driver.Capabilities()
		must.NoError(t, err)
	})
}

func TestNothingOfThePluginIsInheritedByTasks(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		h := use(t, s)
		task, _ := h.start(s, "exec sleep 60")
		status, err := h.driver.InspectTask(task.ID)
		must.NoError(t, err)
		pid := status.DriverAttributes["pid"]
		if pid == "" {
			t.Skip("the engine starts the task")
		}
		links, err := filepath.Glob("/proc/" + pid + "/fd/*")
		must.NoError(t, err)
		must.SliceNotEmpty(t, links)
		for _, link := range links {
			target, _ := os.Readlink(link)
			must.False(t, strings.HasPrefix(target, "socket:"), must.Sprintf("%s is %s", link, target))
		}
	})
}

func TestImageThatCannotBePulledIsNamed(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		if s.name != "docker" {
			t.Skip("has no images")
		}
		h := use(t, s)
		task := h.task(subject{s.name, s.config, func(string) map[string]any {
			return map[string]any{"image": "127.0.0.1:1/no/such:image"}
		}}, "")
		_, _, err := h.driver.StartTask(task)
		must.Error(t, err)
		must.StrContains(t, err.Error(), "127.0.0.1:1/no/such:image")
	})
}
