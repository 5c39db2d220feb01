# The order of a group: a prestart task that must succeed first, a sidecar that runs beside the main task and outlives
# it, the main task, and a poststop task that cleans up.
#
#   encamp run sidecar.nomad.hcl

job "expedition" {
  type = "batch"

  group "camp" {
    task "pack" {
      driver = "raw_exec"

      lifecycle {
        hook = "prestart"
      }

      config {
        command = "sh"
        args    = ["-c", "echo packed > \"$NOMAD_ALLOC_DIR/data/bag\"; echo the bag is packed"]
      }
    }

    task "lookout" {
      driver = "raw_exec"

      lifecycle {
        hook    = "prestart"
        sidecar = true
      }

      config {
        command = "sh"
        args    = ["-c", "echo keeping watch; exec sleep 3600"]
      }

      kill_timeout = "1s"
    }

    task "walk" {
      driver = "raw_exec"

      config {
        command = "sh"
        args    = ["-c", "echo walking with a bag that is $(cat \"$NOMAD_ALLOC_DIR/data/bag\")"]
      }
    }

    task "unpack" {
      driver = "raw_exec"

      lifecycle {
        hook = "poststop"
      }

      config {
        command = "sh"
        args    = ["-c", "rm \"$NOMAD_ALLOC_DIR/data/bag\"; echo the bag is unpacked"]
      }
    }
  }
}
