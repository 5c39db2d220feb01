// Package agent does for tasks what a Nomad agent does around its plugins.
package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/nomad/client/lib/cgroupslib"
	"github.com/hashicorp/nomad/client/lib/idset"
	"github.com/hashicorp/nomad/client/lib/numalib/hw"
)

// Begin makes the cgroups that all tasks share, and gives them all cores.
func Begin() error {
	logger := hclog.NewNullLogger()
	if err := cgroupslib.Init(logger, fmt.Sprintf("0-%d", runtime.NumCPU()-1)); err != nil {
		return err
	}
	cores := idset.Empty[hw.CoreID]()
	for core := range runtime.NumCPU() {
		cores.Insert(hw.CoreID(core))
	}
	return cgroupslib.GetPartition(logger, cores).Reserve(idset.Empty[hw.CoreID]())
}

// Setup makes a task's cgroups, and names the one that its driver is told of.
func Setup(alloc, task string) (string, error) {
	return cgroupslib.LinuxResourcesPath(alloc, task, false), cgroupslib.Factory(alloc, task, false).Setup()
}

// Teardown ends what is left of a task, and removes its cgroups.
func Teardown(alloc, task string) error {
	cgroups := cgroupslib.Factory(alloc, task, false)
	_ = cgroups.Kill()
	return cgroups.Teardown()
}

// End removes the cgroups that all tasks share.
func End() {
	for _, pattern := range []string{"/sys/fs/cgroup/*/nomad", "/sys/fs/cgroup/nomad.slice"} {
		parents, _ := filepath.Glob(pattern)
		for _, parent := range parents {
			children, _ := filepath.Glob(parent + "/*")
			for _, child := range children {
				_ = os.Remove(child)
			}
			_ = os.Remove(parent)
		}
	}
}
