# A service on the host itself: it runs until it is stopped, and is restarted when it fails.
#
#   encamp run --detach raw_exec.nomad.hcl
#   encamp logs -f clock
#   encamp stop clock

job "clock" {
  type = "service"

  group "camp" {
    restart {
      attempts = 3
      interval = "5m"
      delay    = "2s"
      mode     = "delay"
    }

    task "tick" {
      driver = "raw_exec"

      config {
        command = "sh"
        args    = ["-c", "while true; do date; sleep 1; done"]
      }

      logs {
        max_files     = 3
        max_file_size = 1
      }

      kill_signal  = "SIGTERM"
      kill_timeout = "2s"
    }
  }
}
