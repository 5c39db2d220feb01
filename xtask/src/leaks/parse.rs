//! From the texts of the kernel and of the tools to the names of things; pure.

use std::path::{Path, PathBuf};

/// Mounts as `/point (type from source)`, from the text of `/proc/self/mountinfo`.
pub(crate) fn mounts(mountinfo: &str) -> Vec<String> {
    let fields = |line: &str| {
        let (own, of_filesystem) = line.split_once(" - ")?;
        let point = unescape(own.split(' ').nth(4)?);
        // `ip netns` mounts its folder onto itself once, and leaves it so.
        if point == "/run/netns" {
            return None;
        }
        let mut of_filesystem = of_filesystem.split(' ');
        let (kind, source) = (of_filesystem.next()?, of_filesystem.next().unwrap_or("none"));
        Some(format!("{point} ({kind} from {})", unescape(source)))
    };
    mountinfo.lines().filter_map(fields).collect()
}

/// The mount points, in the order of mounting.
pub(crate) fn mount_points(mountinfo: &str) -> Vec<PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| unescape(point).into())
        .collect()
}

/// The roots of the cgroup hierarchies, with the controllers or the name of each v1 one (nothing for v2).
pub(crate) fn hierarchies(mountinfo: &str) -> Vec<(PathBuf, Vec<String>)> {
    let one = |line: &str| {
        let (own, of_filesystem) = line.split_once(" - ")?;
        let point = PathBuf::from(unescape(own.split(' ').nth(4)?));
        let mut of_filesystem = of_filesystem.split(' ');
        let kind = of_filesystem.next()?;
        let options = of_filesystem.nth(1)?.split(',').map(str::to_owned);
        match kind {
            "cgroup" => Some((point, options.filter(|option| option != "rw").collect())),
            "cgroup2" => Some((point, Vec::new())),
            _ => None,
        }
    };
    mountinfo.lines().filter_map(one).collect()
}

/// Where this process is in a hierarchy, from the text of `/proc/self/cgroup`.
pub(crate) fn own_cgroup<'a>(own: &'a str, controllers: &[String]) -> &'a str {
    let place = |line: &'a str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let named: Vec<_> = parts.next()?.split(',').filter(|name| !name.is_empty()).collect();
        let path = parts.next()?;
        let same = if controllers.is_empty() {
            named.is_empty()
        } else {
            !named.is_empty()
                && named
                    .iter()
                    .all(|name| controllers.iter().any(|controller| controller == name))
        };
        same.then_some(path)
    };
    own.lines().find_map(place).unwrap_or("/")
}

/// Whether a cgroup (relative to its hierarchy) is of the machine's own management rather than of a test.
///
/// That is a unit of systemd, what an engine made for itself and its containers (which the engine is asked for), or
/// whatever lies beside the cgroup that we ourselves were put into.
pub(crate) fn is_of_system(cgroup: &Path, own: &str) -> bool {
    if is_of_engine(cgroup) {
        return true;
    }
    let units = [".slice", ".scope", ".service", ".mount", ".socket", ".swap"];
    let own = Path::new(own.trim_start_matches('/'));
    if own.components().next().is_some() && cgroup.starts_with(own) {
        return cgroup == own;
    }
    let unit = |part: &std::ffi::OsStr| units.iter().any(|unit| part.to_string_lossy().ends_with(unit));
    cgroup.iter().any(unit) || own.components().next().is_some_and(|top| cgroup.starts_with(top))
}

/// `docker`, and `docker/<id>` with all below.
fn is_of_engine(cgroup: &Path) -> bool {
    let mut parts = cgroup.iter().map(|part| part.to_string_lossy());
    let is_id = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.next().is_some_and(|part| part == "docker") && parts.next().is_none_or(|part| is_id(&part))
}

/// The rules of `nft list ruleset`, each with its table and chain, without counters and handles.
pub(crate) fn nft(ruleset: &str) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut rules = Vec::new();
    for line in ruleset
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if line == "}" {
            path.pop();
        } else if let Some(opened) = line.strip_suffix('{') {
            path.push(opened.trim().to_owned());
            rules.push(format!("nft: {}", path.join(" / ")));
        } else {
            rules.push(format!("nft: {} / {}", path.join(" / "), without_counters(line)));
        }
    }
    rules
}

/// The chains and rules of `iptables-save`, each with its table, without counters.
pub(crate) fn iptables(program: &str, saved: &str) -> Vec<String> {
    let mut table = "";
    let mut rules = Vec::new();
    for line in saved.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some(chain) = line.strip_prefix(':') {
            // The built-in chains, which have a policy, come to be when anybody only looks at a table.
            let mut parts = chain.split(' ');
            let (name, policy) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if policy == "-" {
                rules.push(format!("{program}: {table} / chain {name}"));
            }
        } else if line.starts_with("-A") {
            rules.push(format!("{program}: {table} / {line}"));
        }
    }
    rules
}

/// `counter packets 3 bytes 180 accept` without its figures.
fn without_counters(rule: &str) -> String {
    let mut words = rule.split(' ').peekable();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        let figure = words
            .peek()
            .is_some_and(|next| next.bytes().all(|byte| byte.is_ascii_digit()));
        if figure && matches!(word, "packets" | "bytes" | "handle") {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// The kernel writes blanks and backslashes of a path as `\040` and the like.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = tail
            .get(..3)
            .filter(|_| byte == b'\\')
            .and_then(|digits| str::from_utf8(digits).ok());
        let escaped = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() {
            tail.get(3..).unwrap_or_default()
        } else {
            tail
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
