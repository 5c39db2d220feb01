//! A task's `resolv.conf` and `hosts`.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use encamp_driver::{DnsConfig, Error, HostsConfig};

const SYSTEM: &str = "/etc/resolv.conf";
/// Where a host with a stub on the loopback device keeps the servers that the stub asks.
const BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";
const STUB: &str = "127.0.0.53";

/// What the task's `resolv.conf` is to say; `None` where the host's will do.
///
/// Each list of the job takes the place of the host's. A task that is not on the host's network always gets a file: the
/// host's may name a server on a loopback device that is not the task's.
pub(crate) fn resolv_conf(dns: Option<&DnsConfig>, own_network: bool) -> Result<Option<String>, Error> {
    resolv_conf_of(dns, own_network, Path::new(SYSTEM), Path::new(BEHIND_STUB))
}

fn resolv_conf_of(
    dns: Option<&DnsConfig>,
    own_network: bool,
    system: &Path,
    behind_stub: &Path,
) -> Result<Option<String>, Error> {
    if dns.is_none() && !own_network {
        return Ok(None);
    }
    let dns = dns.cloned().unwrap_or_default();
    if let Some(server) = dns.servers.iter().find(|server| server.parse::<IpAddr>().is_err()) {
        return Err(Error::InvalidConfig(format!(
            "dns server {server:?} is not an IP address"
        )));
    }
    let host = host_dns(system, behind_stub);
    let or_host = |own: Vec<String>, host: Vec<String>| if own.is_empty() { host } else { own };
    Ok(Some(render(&DnsConfig {
        servers: or_host(dns.servers, host.servers),
        searches: or_host(dns.searches, host.searches),
        options: or_host(dns.options, host.options),
    })))
}

/// What the host says; a host that says nothing is as good as one that has no such file.
fn host_dns(system: &Path, behind_stub: &Path) -> DnsConfig {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map(|text| parse(&text))
            .unwrap_or_default()
    };
    let dns = read(system);
    if dns.servers == [STUB] && behind_stub.exists() {
        read(behind_stub)
    } else {
        dns
    }
}

fn parse(text: &str) -> DnsConfig {
    let mut dns = DnsConfig::default();
    for line in text.lines() {
        let mut words = line.split_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("nameserver") => dns.servers.extend(words.next()),
            // The last one counts.
            Some("search" | "domain") => dns.searches = words.collect(),
            Some("options") => dns.options.extend(words),
            _ => {}
        }
    }
    dns
}

fn render(dns: &DnsConfig) -> String {
    let mut text = String::new();
    let searches: Vec<_> = dns
        .searches
        .iter()
        .map(String::as_str)
        .filter(|search| *search != ".")
        .collect();
    if !searches.is_empty() {
        let _ = writeln!(text, "search {}", searches.join(" "));
    }
    for server in &dns.servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    if !dns.options.is_empty() {
        let _ = writeln!(text, "options {}", dns.options.join(" "));
    }
    text
}

/// A `hosts` file with the allocation's own name in it.
pub(crate) fn hosts(own: &HostsConfig) -> String {
    format!(
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n\
         {} {}\n",
        own.address, own.hostname
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "# a comment\nsearch corp.example .\nnameserver 10.0.0.53\noptions ndots:2 rotate\n";

    fn dns(servers: &[&str], searches: &[&str], options: &[&str]) -> DnsConfig {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        DnsConfig {
            servers: texts(servers),
            searches: texts(searches),
            options: texts(options),
        }
    }

    #[track_caller]
    fn check(host: &str, dns: Option<&DnsConfig>, expected: Option<&str>) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let [system, behind] = ["system", "behind"].map(|name| dir.path().join(name));
        std::fs::write(&system, host).expect("write");
        std::fs::write(&behind, "nameserver 10.0.0.1\nsearch behind.example\n").expect("write");
        let got = resolv_conf_of(dns, true, &system, &behind).expect("valid");
        assert_eq!(got.as_deref(), expected);
    }

    #[test]
    fn each_list_of_the_job_takes_the_place_of_the_hosts() {
        check(
            HOST,
            None,
            Some("search corp.example\nnameserver 10.0.0.53\noptions ndots:2 rotate\n"),
        );
        let own = dns(&["192.0.2.1", "2001:db8::1"], &[], &[]);
        check(
            HOST,
            Some(&own),
            Some("search corp.example\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions ndots:2 rotate\n"),
        );
        let own = dns(&[], &["a.example", "b.example"], &["ndots:1"]);
        check(
            HOST,
            Some(&own),
            Some("search a.example b.example\nnameserver 10.0.0.53\noptions ndots:1\n"),
        );
    }

    #[test]
    fn a_stub_on_the_loopback_device_is_looked_behind() {
        check(
            "nameserver 127.0.0.53\n",
            None,
            Some("search behind.example\nnameserver 10.0.0.1\n"),
        );
    }

    #[test]
    fn on_the_hosts_network_the_hosts_file_will_do() {
        let none = resolv_conf_of(None, false, Path::new("/nonexistent"), Path::new("/nonexistent")).expect("valid");
        assert_eq!(none, None);
    }

    #[test]
    fn a_server_is_an_address() {
        let error = resolv_conf(Some(&dns(&["ns.example"], &[], &[])), false)
            .expect_err("a name")
            .to_string();
        assert_eq!(error, "dns server \"ns.example\" is not an IP address");
    }
}
