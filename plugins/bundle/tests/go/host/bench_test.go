package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/nomad/plugins/drivers"
	dproto "github.com/hashicorp/nomad/plugins/drivers/proto"
	"github.com/shoenig/test/must"
)

// What is measured is raw_exec, of whoever's make is in ENCAMP_PLUGIN_DIR.
var measured = subjects[0]

// From the launch of the process to its first answer.
func BenchmarkLaunch(b *testing.B) {
	for range b.N {
		h := launch(b, measured.name)
		_, err := h.base.PluginInfo()
		must.NoError(b, err)
		b.StopTimer()
		h.client.Kill()
		b.StartTimer()
	}
}

func BenchmarkHealthCheck(b *testing.B) {
	h := use(b, measured)
	rpc, err := h.client.Client()
	must.NoError(b, err)
	latencies(b, h, func() error { return rpc.Ping() })
}

func BenchmarkInspectTask(b *testing.B) {
	h := use(b, measured)
	task := h.quiet("exec sleep 600")
	latencies(b, h, func() error {
		_, err := h.driver.InspectTask(task.ID)
		return err
	})
}

// From the start of a command that does nothing to the answer that it has ended.
func BenchmarkStartToExit(b *testing.B) {
	h := use(b, measured)
	var tasks []*drivers.TaskConfig
	for range b.N + 1 {
		task := h.task(measured, "")
		schema, err := h.driver.TaskConfigSchema()
		must.NoError(b, err)
		must.NoError(b, task.EncodeDriverConfig(decode(b, schema, map[string]any{"command": "/bin/true"})))
		task.StdoutPath, task.StderrPath = os.DevNull, os.DevNull
		tasks = append(tasks, task)
	}
	next := 0
	latencies(b, h, func() error {
		task := tasks[next]
		next++
		if _, _, err := h.driver.StartTask(task); err != nil {
			return err
		}
		h.wait(task.ID)
		return nil
	})
	b.StopTimer()
	for _, task := range tasks[:next] {
		_ = h.driver.DestroyTask(task.ID, true)
	}
}

// 64 MiB of output through an exec session.
func BenchmarkExecStream(b *testing.B) {
	const size = 64 << 20
	h := use(b, measured)
	task := h.quiet("exec sleep 600")
	driver, ok := h.driver.(drivers.ExecTaskStreamingRawDriver)
	must.True(b, ok)
	b.SetBytes(size)
	for b.Loop() {
		command := []string{"/bin/sh", "-c", fmt.Sprintf("exec head -c %d /dev/zero", size)}
		stream := &counting{end: make(chan struct{})}
		must.NoError(b, driver.ExecTaskStreamingRaw(context.Background(), task.ID, command, false, stream))
		must.Eq(b, size, stream.bytes)
	}
}

// The far end of an exec session: nobody types, which is said at once, and what comes is counted.
type counting struct {
	bytes  int
	closed bool
	end    chan struct{}
}

func (c *counting) Send(frame *drivers.ExecTaskStreamingResponseMsg) error {
	c.bytes += len(frame.GetStdout().GetData())
	if frame.Exited {
		close(c.end)
	}
	return nil
}

func (c *counting) Recv() (*dproto.ExecTaskStreamingRequest, error) {
	if !c.closed {
		c.closed = true
		return &dproto.ExecTaskStreamingRequest{Stdin: &dproto.ExecTaskStreamingIOOperation{Close: true}}, nil
	}
	<-c.end
	return nil, io.EOF
}

// What a plugin that does nothing keeps for itself. A program that is not written to the disk yet would count as its own.
func BenchmarkIdleMemory(b *testing.B) {
	syscall.Sync()
	h := use(b, measured)
	for range b.N {
		time.Sleep(time.Second)
	}
	b.ReportMetric(privateDirty(b, h), "KiB")
}

// 1,000 calls that wait, on one plugin.
func BenchmarkThousandWaits(b *testing.B) {
	h := use(b, measured)
	task := h.quiet("exec sleep 600")
	before := privateDirty(b, h)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range 1000 {
		_, err := h.driver.WaitTask(ctx, task.ID)
		must.NoError(b, err)
	}
	latencies(b, h, func() error {
		_, err := h.driver.InspectTask(task.ID)
		return err
	})
	b.ReportMetric(privateDirty(b, h)-before, "KiB")
}

// The usage of 1,000 tasks, each told every second, on one plugin. Only of a driver whose tasks cost little.
func BenchmarkThousandStats(b *testing.B) {
	if os.Getenv("ENCAMP_STATE_DIR") == "" {
		b.Skip("1,000 tasks of this driver are 14 GiB")
	}
	h := use(b, measured)
	before := privateDirty(b, h)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var first sync.WaitGroup
	var last *drivers.TaskConfig
	for range 1000 {
		last = h.quiet("exec sleep 600")
		samples, err := h.driver.TaskStats(ctx, last.ID, time.Second)
		must.NoError(b, err)
		first.Add(1)
		go func() {
			<-samples
			first.Done()
			for range samples {
			}
		}()
	}
	first.Wait()
	latencies(b, h, func() error {
		_, err := h.driver.InspectTask(last.ID)
		return err
	})
	b.ReportMetric(privateDirty(b, h)-before, "KiB")
}

// A task without output: no process of an agent's takes any here.
func (h *host) quiet(script string) *drivers.TaskConfig {
	task := h.task(measured, script)
	task.StdoutPath, task.StderrPath = os.DevNull, os.DevNull
	_, _, err := h.driver.StartTask(task)
	must.NoError(h.t, err)
	h.t.Cleanup(func() { _ = h.driver.DestroyTask(task.ID, true) })
	return task
}

// latencies calls b.N times and reports the median and what one call in a hundred takes, and what a call takes of the
// plugin's processor time.
func latencies(b *testing.B, h *host, call func() error) {
	must.NoError(b, call())
	all := make([]time.Duration, 0, b.N)
	before := processorTime(b, h)
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		err := call()
		all = append(all, time.Since(start))
		must.NoError(b, err)
	}
	b.StopTimer()
	b.ReportMetric((processorTime(b, h)-before)/float64(b.N), "cpu-ns")
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds()), "p99-ns")
}

// processorTime tells how many nanoseconds the plugin's threads have run.
func processorTime(b *testing.B, h *host) float64 {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", h.client.ReattachConfig().Pid))
	must.NoError(b, err)
	sum := 0.0
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		must.NoError(b, err)
		var ran float64
		_, err = fmt.Sscan(string(text), &ran)
		must.NoError(b, err)
		sum += ran
	}
	return sum
}

// privateDirty tells how many KiB only this process has.
func privateDirty(b *testing.B, h *host) float64 {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", h.client.ReattachConfig().Pid))
	must.NoError(b, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), "Private_Dirty:"); found {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(text, "kB")))
			must.NoError(b, err)
			return float64(kib)
		}
	}
	must.NoError(b, errors.New("the kernel tells nothing of private memory"))
	return 0
}
