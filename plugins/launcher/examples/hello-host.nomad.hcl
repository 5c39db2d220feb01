# The host task of hello.nomad.hcl alone: it needs neither root nor a Docker Engine.
#
#   encamp run hello-host.nomad.hcl

variable "greeting" {
  type    = string
  default = "Hello"
}

job "hello" {
  type = "batch"

  group "camp" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    task "host" {
      driver = "raw_exec"

      config {
        command = "sh"
        args    = ["-c", "echo \"${var.greeting} from the host: allocation $NOMAD_SHORT_ALLOC_ID, task $NOMAD_TASK_NAME\""]
      }
    }
  }
}
