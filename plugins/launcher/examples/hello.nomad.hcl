# Two real drivers in one group: a docker task on the Docker Engine and a host task under encamp's own executor.
#
#   encamp run hello.nomad.hcl
#
# The image is the one that `cargo xtask demo` makes from the machine's own busybox; no registry is asked.

variable "image" {
  type        = string
  default     = "encamp-demo/busybox:1"
  description = "An image with a shell."
}

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

    task "container" {
      driver = "docker"

      config {
        image   = var.image
        command = "sh"
        args    = ["-c", "echo ${var.greeting} from a container, as $(id -un) on $(hostname); echo \"my files: $(ls / | tr '\\n' ' ')\""]
      }

      resources {
        memory = 64
      }
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
