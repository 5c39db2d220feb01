// Does an agent's work on cgroups, for hosts that are no agent: cgroups setup|teardown ALLOC TASK.
package main

import (
	"fmt"
	"os"

	"encamp.test/peers/agent"
)

func main() {
	if len(os.Args) != 4 {
		fail("usage: cgroups setup|teardown ALLOC TASK")
	}
	alloc, task := os.Args[2], os.Args[3]
	switch os.Args[1] {
	case "setup":
		check(agent.Begin())
		path, err := agent.Setup(alloc, task)
		check(err)
		fmt.Println(path)
	case "teardown":
		check(agent.Teardown(alloc, task))
		agent.End()
	default:
		fail("neither setup nor teardown: " + os.Args[1])
	}
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "cgroups:", why)
	os.Exit(1)
}
