# A host command set off from the host: its own process tree, its own root, no user but nobody.
#
#   sudo encamp run exec.nomad.hcl

job "isolated" {
  type = "batch"

  group "camp" {
    task "look-around" {
      driver = "exec"

      config {
        command = "sh"
        args    = ["-c", "echo \"I am $(id -un), process $$; the root holds: $(ls / | tr '\\n' ' ')\""]
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
