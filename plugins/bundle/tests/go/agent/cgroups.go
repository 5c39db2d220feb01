// Package agent does for tasks what a Nomad agent does around its plugins.
package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/nomad/client/lib/cgroupslib"
)

// Begin makes the cgroups that all tasks share.
func Begin() error {
	return cgroupslib.Init(hclog.NewNullLogger(), fmt.Sprintf("0-%d", runtime.NumCPU()-1))
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
