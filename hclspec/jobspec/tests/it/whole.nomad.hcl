variable "image" {
  type        = string
  default     = "web:1"
  description = "what to run"
  sensitive   = false

  validation {
    condition     = strlen(var.image) > 2
    error_message = "Too short."
  }
}

variables {
  ports = [8080, 9090]
}

locals {
  name = "${var.image}-x"
}

job "whole" {
  id           = "whole"
  name         = "Whole"
  type         = "service"
  region       = "eu"
  namespace    = "apps"
  datacenters  = ["dc1", "dc2"]
  node_pool    = "fast"
  priority     = 70
  all_at_once  = true
  consul_token = "c"
  vault_token  = "v"

  meta {
    owner = "me"
  }

  constraint {
    attribute = "${attr.kernel.name}"
    operator  = "="
    value     = "linux"
  }

  constraint {
    attribute = "${attr.cpu.arch}"
    regexp    = "a.*64"
  }

  constraint {
    distinct_hosts = true
  }

  constraint {
    distinct_property = "${meta.rack}"
    value             = "3"
  }

  affinity {
    attribute = "${node.datacenter}"
    value     = "dc1"
    weight    = -20
  }

  affinity {
    attribute        = "${meta.tags}"
    set_contains_any = "a,b"
  }

  spread {
    attribute = "${node.datacenter}"
    weight    = 80

    target "dc1" {
      percent = 60
    }

    target "dc2" {
      percent = 40
    }
  }

  update {
    max_parallel      = 2
    health_check      = "task_states"
    min_healthy_time  = "5s"
    healthy_deadline  = "3m"
    progress_deadline = "7m"
    auto_revert       = true
    auto_promote      = true
    canary            = 1
    stagger           = "40s"
  }

  migrate {
    max_parallel     = 3
    health_check     = "manual"
    min_healthy_time = "11s"
    healthy_deadline = "6m"
  }

  reschedule {
    attempts       = 4
    interval       = "1h"
    delay          = "30s"
    delay_function = "fibonacci"
    max_delay      = "10m"
    unlimited      = false
  }

  periodic {
    enabled          = false
    crons            = ["0 * * * *", "@daily"]
    prohibit_overlap = true
    time_zone        = "Europe/Berlin"
  }

  parameterized {
    payload       = "required"
    meta_required = ["a"]
    meta_optional = ["b"]
  }

  multiregion {
    strategy {
      max_parallel = 1
      on_failure   = "fail_all"
    }

    region "west" {
      count       = 2
      datacenters = ["w1"]
      node_pool   = "p"

      meta {
        k = "v"
      }
    }
  }

  consul {
    namespace = "cn"
    cluster   = "cc"
    partition = "cp"
  }

  vault {
    policies               = ["p"]
    role                   = "r"
    namespace              = "vn"
    cluster                = "vc"
    env                    = false
    disable_file           = true
    change_mode            = "signal"
    change_signal          = "SIGHUP"
    allow_token_expiration = true
  }

  secret "job" {
    provider = "nomad"
    path     = "p"
  }

  ui {
    description = "A **job**."

    link {
      label = "Docs"
      url   = "https://example.com"
    }
  }

  group "g" {
    count                        = 3
    shutdown_delay               = "6s"
    max_run_duration             = "1h"
    stop_after_client_disconnect = "1m"
    max_client_disconnect        = "2m"
    prevent_reschedule_on_lost   = true

    meta = { "dotted.key" = "v" }

    restart {
      attempts         = 5
      interval         = "10m"
      delay            = "2s"
      mode             = "delay"
      render_templates = true
    }

    network {
      mode     = "bridge"
      hostname = "h"
      device   = "eth0"
      cidr     = "10.0.0.0/8"
      ip       = "10.0.0.1"
      mbits    = 10

      port "http" {
        static           = 8080
        to               = 80
        host_network     = "public"
        ignore_collision = true
      }

      port "any" {
        to = -1
      }

      reserved_ports "old" {
        static = 22
      }

      dns {
        servers  = ["1.1.1.1"]
        searches = ["example.com"]
        options  = ["ndots:2"]
      }

      cni {
        args = { a = "b" }
      }
    }

    ephemeral_disk {
      size    = 500
      migrate = true
      sticky  = true
    }

    volume "data" {
      type            = "csi"
      source          = "disk"
      read_only       = true
      sticky          = true
      per_alloc       = true
      access_mode     = "single-node-writer"
      attachment_mode = "file-system"

      mount_options {
        fs_type     = "ext4"
        mount_flags = ["noatime"]
      }
    }

    disconnect {
      lost_after = "6h"
      replace    = false
      reconcile  = "keep_original"
    }

    scaling {
      type    = "horizontal"
      min     = 1
      max     = 5
      enabled = false

      policy {
        cooldown = "1m"

        check "load" {
          source = "prometheus"

          strategy "target-value" {
            target = 20
          }
        }
      }
    }

    service {
      name                = "web"
      port                = "http"
      tags                = ["a"]
      canary_tags         = ["c"]
      enable_tag_override = true
      address_mode        = "host"
      address             = "1.2.3.4"
      task                = "t"
      on_update           = "ignore_warnings"
      provider            = "consul"
      cluster             = "cc"
      kind                = "k"

      meta {
        m = "1"
      }

      canary_meta {
        m = "2"
      }

      tagged_addresses {
        lan = "10.0.0.1"
      }

      identity {
        aud  = ["consul"]
        ttl  = "1h"
        file = true
      }

      weights {
        passing = 3
        warning = 2
      }

      check_restart {
        limit           = 2
        grace           = "9s"
        ignore_warnings = true
      }

      check {
        name                     = "alive"
        type                     = "http"
        command                  = "/bin/c"
        args                     = ["-a"]
        path                     = "/health"
        protocol                 = "https"
        port                     = "http"
        expose                   = true
        address_mode             = "alloc"
        advertise                = "x"
        interval                 = "10s"
        timeout                  = "2s"
        initial_status           = "passing"
        notes                    = "n"
        tls_server_name          = "s"
        tls_skip_verify          = true
        method                   = "POST"
        body                     = "b"
        grpc_service             = "gs"
        grpc_use_tls             = true
        task                     = "t"
        success_before_passing   = 1
        failures_before_critical = 2
        failures_before_warning  = 3
        on_update                = "ignore"

        header {
          Accept = ["a", "b"]
        }

        check_restart {
          limit = 3
        }
      }

      connect {
        native = false

        sidecar_service {
          tags                      = ["s"]
          port                      = "p"
          disable_default_tcp_check = true

          meta {
            x = "y"
          }

          proxy {
            local_service_address = "127.0.0.1"
            local_service_port    = 80

            config {
              bind_address = "0.0.0.0"
            }

            upstreams {
              destination_name       = "db"
              destination_namespace  = "n"
              destination_peer       = "p"
              destination_partition  = "q"
              destination_type       = "service"
              local_bind_port        = 5432
              local_bind_address     = "127.0.0.2"
              local_bind_socket_path = "/s"
              local_bind_socket_mode = "0600"
              datacenter             = "dc1"

              mesh_gateway {
                mode = "local"
              }

              config {
                limit = 1
              }
            }

            expose {
              path {
                path            = "/m"
                protocol        = "http"
                local_path_port = 9000
                listener_port   = "m"
              }
            }

            transparent_proxy {
              uid                    = "101"
              outbound_port          = 15001
              exclude_inbound_ports  = ["22"]
              exclude_outbound_ports = [80]
              exclude_outbound_cidrs = ["10.0.0.0/8"]
              exclude_uids           = ["0"]
              no_dns                 = true
            }
          }
        }

        sidecar_task {
          name           = "envoy"
          driver         = "docker"
          user           = "u"
          kill_timeout   = "9s"
          kill_signal    = "SIGINT"
          shutdown_delay = "3s"

          config {
            image = "envoy"
          }

          env {
            SECRET = "hunter2"
          }

          meta {
            a = "b"
          }

          resources {
            cpu = 20
          }

          logs {
            max_files = 2
          }

          volume_mount {
            volume      = "data"
            destination = "/d"
          }

          identity {
            env = true
          }
        }

        gateway {
          proxy {
            connect_timeout                     = "3s"
            envoy_gateway_bind_tagged_addresses = true
            envoy_gateway_no_default_bind       = true
            envoy_dns_discovery_type            = "STRICT_DNS"

            envoy_gateway_bind_addresses "default" {
              address = "0.0.0.0"
              port    = 8443
            }

            config {
              a = 1
            }
          }

          ingress {
            tls {
              enabled         = true
              tls_min_version = "TLSv1_2"
              tls_max_version = "TLSv1_3"
              cipher_suites   = ["x"]

              sds {
                cluster_name  = "c"
                cert_resource = "r"
              }
            }

            listener {
              port     = 8080
              protocol = "http"

              service {
                name                    = "web"
                hosts                   = ["a.example"]
                max_connections         = 1
                max_pending_requests    = 2
                max_concurrent_requests = 3

                tls {
                  enabled = false
                }

                request_headers {
                  add    = { a = "1" }
                  set    = { b = "2" }
                  remove = ["c"]
                }

                response_headers {
                  remove = ["d"]
                }
              }
            }
          }

          terminating {
            service {
              name      = "legacy"
              ca_file   = "/ca"
              cert_file = "/cert"
              key_file  = "/key"
              sni       = "s"
            }
          }

          mesh {}
        }
      }
    }

    secret "group" {
      provider = "vault"
      path     = "g"
    }

    task "t" {
      driver         = "docker"
      user           = "nobody"
      kill_timeout   = "1m30s"
      kill_signal    = "SIGTERM"
      leader         = true
      shutdown_delay = "4s"
      kind           = "connect-proxy:web"

      config {
        image = local.name
        args  = ["${NOMAD_TASK_DIR}", "x"]
      }

      env {
        A    = "${var.ports[0]}"
        NODE = "${node.unique.name}"
      }

      meta {
        k = "v"
      }

      resources {
        cpu        = 500
        memory     = 256
        memory_max = 512
        disk       = 100
        iops       = 5
        secrets    = 2

        network {
          mbits = 5
        }

        device "nvidia/gpu" {
          count = 2

          constraint {
            attribute = "${device.attr.memory}"
            operator  = ">="
            value     = "2 GiB"
          }

          affinity {
            attribute = "${device.model}"
            value     = "x"
          }
        }

        numa {
          affinity = "require"
          devices  = ["nvidia/gpu"]
        }
      }

      logs {
        max_files     = 3
        max_file_size = 4
        disabled      = true
        enabled       = false
      }

      lifecycle {
        hook    = "prestart"
        sidecar = true
      }

      restart {
        attempts = 1
      }

      constraint {
        attribute = "${attr.os.version}"
        version   = ">= 1.0"
      }

      artifact {
        source      = "https://example.com/a.tgz"
        destination = "local/a"
        mode        = "file"
        insecure    = true
        chown       = true

        options {
          checksum = "md5:d41d8cd98f00b204e9800998ecf8427e"
        }

        headers {
          Authorization = "hunter2"
        }
      }

      template {
        source               = "local/a.tpl"
        data                 = "{{ key }}"
        destination          = "local/a"
        change_mode          = "script"
        change_signal        = "SIGUSR1"
        once                 = true
        splay                = "1s"
        perms                = "600"
        uid                  = 1000
        gid                  = 1001
        left_delimiter       = "[["
        right_delimiter      = "]]"
        env                  = false
        error_on_missing_key = true
        vault_grace          = "1m"

        change_script {
          command             = "/bin/x"
          args                = ["-v"]
          timeout             = "7s"
          fail_on_error       = true
          run_on_first_render = true
        }

        wait {
          min = "1s"
          max = "2s"
        }
      }

      volume_mount {
        volume           = "data"
        destination      = "/data"
        read_only        = true
        propagation_mode = "host-to-task"
        selinux_label    = "z"
      }

      csi_plugin {
        id                     = "p"
        type                   = "monolith"
        mount_dir              = "/m"
        stage_publish_base_dir = "/s"
        health_timeout         = "20s"
      }

      dispatch_payload {
        file = "input.json"
      }

      identity {
        name          = "aws"
        aud           = ["aws"]
        change_mode   = "signal"
        change_signal = "SIGHUP"
        env           = true
        file          = true
        filepath      = "local/token"
        service_name  = "web"
        ttl           = "2h"
        extra_claims  = ["c"]
      }

      secret "own" {
        provider = "plugin"
        path     = "o"

        config {
          engine = "kv"
        }

        env {
          TOKEN = "hunter2"
        }
      }

      scaling "cpu" {
        min     = 100
        max     = 1000
        enabled = true

        policy {
          cooldown = "5m"
        }
      }

      action "flush" {
        command = "/bin/flush"
        args    = ["-all"]
      }

      schedule {
        cron {
          start    = "0 9 * * *"
          end      = "0 17 * * *"
          timezone = "UTC"
        }
      }
    }
  }
}
