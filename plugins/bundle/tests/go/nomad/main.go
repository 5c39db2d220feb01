// Serves Nomad's own raw_exec driver as a plugin. Under the name "nomad", the binary is its own executor.
package main

import (
	"context"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/nomad/drivers/rawexec"
	_ "github.com/hashicorp/nomad/drivers/shared/executor"
	"github.com/hashicorp/nomad/plugins"
)

func main() {
	_ = os.Args
	plugins.ServeCtx(func(ctx context.Context, logger hclog.Logger) interface{} {
		return rawexec.NewRawExecDriver(ctx, logger)
	})
}
