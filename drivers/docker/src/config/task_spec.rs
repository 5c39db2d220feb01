//! The schema of a task's configuration, with what each option does.

use encamp_hclspec::{Spec, Type};

type Named = (String, Spec);

pub(super) fn spec() -> Spec {
    let groups = [image(), program(), rights(), network(), files(), limits()];
    Spec::object(groups.into_iter().flatten())
}

fn image() -> Vec<Named> {
    vec![
        option(
            Spec::attr("image", Type::String).required(),
            "image",
            "The image's reference, as `redis:7`.",
        ),
        text("image_pull_timeout", "How long a pull may take; else the operator's."),
        truth("force_pull", "Pull the image although it is here."),
        text(
            "load",
            "An archive in the task's `local/` to load the image from, unless it is here.",
        ),
        block(
            "auth",
            vec![
                text("username", "The user."),
                text("password", "Its password."),
                text("server_address", "The registry; else the image's own."),
                text("email", "Accepted, and ignored."),
            ],
            "Credentials for the image's registry.",
        ),
    ]
}

fn program() -> Vec<Named> {
    vec![
        text("command", "The program, in place of the image's."),
        texts(
            "args",
            "Its arguments; those of the image's program where there is no `command`.",
        ),
        texts("entrypoint", "In place of the image's."),
        text("work_dir", "Where it starts; else where the image says."),
        truth("interactive", "Keep its standard input open."),
        truth("tty", "Give it a terminal."),
        truth("init", "Run it below a small init that reaps processes."),
        option(map("labels"), "labels", "Labels for the container."),
        block(
            "logging",
            vec![
                text("type", "The engine's log driver."),
                text("driver", "The same by its older name."),
                option(map("config"), "config", "Its options."),
            ],
            "The engine's own log, in place of the operator's.",
        ),
    ]
}

fn rights() -> Vec<Named> {
    vec![
        truth("privileged", "All rights on the host; the operator must allow it."),
        texts(
            "cap_add",
            "Capabilities on top of the usual ones, or `all`; the operator must allow them.",
        ),
        texts("cap_drop", "Capabilities to do without, or `all`."),
        texts(
            "security_opt",
            "`name=value` of the engine's security options; seccomp profiles by path.",
        ),
        truth("readonly_rootfs", "Nothing of the image can be written to."),
    ]
}

fn network() -> Vec<Named> {
    vec![
        text(
            "network_mode",
            "The engine's network; else the group's namespace, else the default one.",
        ),
        text("hostname", "The container's name for itself."),
        texts("ports", "Labels of the group's ports that are published."),
        texts("extra_hosts", "Lines for `/etc/hosts`, as `name:address`."),
        texts("dns_servers", "Name servers, where the group says nothing about names."),
        texts("dns_search_domains", "Domains to search, likewise."),
        texts("dns_options", "Options of the resolver, likewise."),
    ]
}

fn files() -> Vec<Named> {
    let mounts = Spec::block_list("mount", mount());
    vec![
        texts(
            "volumes",
            "`source:target` or `source:target:mode`; relative sources are in the task's directory.",
        ),
        option(mounts, "mount", "What is mounted into the container."),
    ]
}

fn mount() -> Spec {
    let volume = vec![
        truth("no_copy", "Leave out what the image has at the target."),
        option(map("labels"), "labels", "Labels for the volume."),
        block(
            "driver_config",
            vec![
                text("name", "The volume driver."),
                option(map("options"), "options", "Its options."),
            ],
            "Who provides the volume.",
        ),
    ];
    let tmpfs = vec![
        number("size", "Its size in bytes."),
        number("mode", "The mode of its root, as a decimal number."),
    ];
    Spec::object([
        text("type", "`bind`, `volume` (the default) or `tmpfs`."),
        text("target", "Where, in the container."),
        text("source", "A path of the host, or a volume's name."),
        truth("readonly", "The task cannot write to it."),
        block(
            "bind_options",
            vec![text(
                "propagation",
                "How mounts below it travel, in the engine's words.",
            )],
            "For a bind.",
        ),
        block("tmpfs_options", tmpfs, "For a tmpfs."),
        block("volume_options", volume, "For a volume."),
    ])
}

fn limits() -> Vec<Named> {
    vec![
        number(
            "memory_hard_limit",
            "The memory limit in MB, where it is more than the task's memory.",
        ),
        number("pids_limit", "How many processes and threads there may be."),
        number("shm_size", "The size of `/dev/shm` in bytes."),
        option(map("ulimit"), "ulimit", "`soft:hard`, or one number for both, by name."),
        option(
            map("sysctl"),
            "sysctl",
            "Kernel parameters of the container's own namespaces.",
        ),
    ]
}

fn option(spec: Spec, name: &str, what: &str) -> Named {
    (name.to_owned(), spec.described(what))
}

fn text(name: &str, what: &str) -> Named {
    option(Spec::attr(name, Type::String), name, what)
}

fn texts(name: &str, what: &str) -> Named {
    option(Spec::attr(name, Type::list(Type::String)), name, what)
}

fn truth(name: &str, what: &str) -> Named {
    option(Spec::attr(name, Type::Bool), name, what)
}

fn number(name: &str, what: &str) -> Named {
    option(Spec::attr(name, Type::Number), name, what)
}

/// A map that jobs write in any of four ways.
fn map(name: &str) -> Spec {
    Spec::attr(name, Type::list(Type::map(Type::String)))
}

fn block(name: &str, parts: Vec<Named>, what: &str) -> Named {
    option(Spec::block(name, Spec::object(parts)), name, what)
}
