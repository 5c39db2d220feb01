//! What is found in a directory.

use std::fs;

use encamp_catalog::{Finding, Problem};
use encamp_hclspec::Severity;

use crate::bed::{Bed, blamed};

/// What a scan finds, one line each: the plugins (`name version file`), then what is amiss with others.
async fn check(bed: &Bed, blocks: &str, plugins: &[&str], amiss: &[&str]) -> Vec<Finding> {
    let (catalog, findings) = bed.scan(blocks).await;
    let found = catalog.plugins().map(|entry| {
        let file = entry.path().file_name().unwrap().to_string_lossy();
        format!("{} {} {file}", entry.info().name, entry.version())
    });
    assert_eq!(found.collect::<Vec<_>>(), plugins);
    assert_eq!(blamed(&findings), amiss, "{findings:?}");
    findings
}

#[tokio::test]
async fn a_plugin_has_the_name_that_it_gives_itself() {
    let bed = Bed::new();
    bed.install_toy("some-file", "doll v1.2.3");
    check(&bed, &bed.block("some-file"), &["doll v1.2.3 some-file"], &[]).await;
    assert_eq!(bed.launches("some-file"), 1);
}

#[tokio::test]
async fn nothing_is_executed_that_is_not_listed() {
    let bed = Bed::new();
    bed.install_toy("toy", "");
    bed.install("stray", "exit 0");
    fs::create_dir(bed.plugins().join("dir")).unwrap();
    let findings = check(&bed, &bed.block("toy"), &["toy 0.2.0 toy"], &["dir", "stray"]).await;
    assert!(findings.iter().all(|finding| finding.severity() == Severity::Warning));
    assert_eq!(bed.launches("stray"), 0);
}

#[tokio::test]
async fn one_bad_plugin_never_stops_the_others() {
    let bed = Bed::new();
    bed.install_toy("toy", "");
    bed.install("a-crash", "echo out of luck >&2; exit 3");
    bed.install("b-chatter", "echo hello; exec sleep 60");
    bed.install("c-hang", "exec sleep 60");
    bed.install_toy("d-future", "future 0.1.0 9.0.0");
    bed.install_toy("e-version", "wrong one");
    bed.install_toy("f-api", "wrong 1.0.0 first");
    bed.install_toy("g-name", "''");
    std::os::unix::fs::symlink("/nowhere/at/all", bed.plugins().join("h-link")).unwrap();
    let names = [
        "a-crash",
        "b-chatter",
        "c-hang",
        "d-future",
        "e-version",
        "f-api",
        "g-name",
        "h-link",
    ];
    let blocks: String = names.iter().map(|name| bed.block(name)).collect();
    let blocks = format!("{blocks}plugin \"missing\" {{}}\n{}", bed.block("toy"));
    let amiss = [["missing"].as_slice(), names.as_slice()].concat();
    let findings = check(&bed, &blocks, &["toy 0.2.0 toy"], &amiss).await;
    let told = |name: &str| {
        let finding = findings.iter().find(|finding| finding.plugin == name);
        finding.unwrap().to_string()
    };
    assert!(told("a-crash").contains("out of luck"), "{}", told("a-crash"));
    assert!(told("c-hang").contains("not ready within 5s"), "{}", told("c-hang"));
    assert!(told("d-future").contains("speaks API versions 9.0.0, and this host only 0.1.0"));
    assert!(told("e-version").contains("\"one\" is no version"));
    assert!(told("f-api").contains("\"first\" is no version"));
    assert!(told("g-name").contains("is no name"));
    assert!(
        told("h-link").contains("leads to \"/nowhere\", which is not there"),
        "{}",
        told("h-link")
    );
    assert!(told("missing").contains("is not there"));
}

#[tokio::test]
async fn a_program_that_goes_by_its_name_is_started_by_the_links_name() {
    let bed = Bed::new();
    bed.install_toy("program", "$(basename $0)");
    std::os::unix::fs::symlink("program", bed.plugins().join("doll")).unwrap();
    let blocks = bed.block("doll");
    check(&bed, &blocks, &["doll 0.2.0 doll"], &["program"]).await;
}

#[tokio::test]
async fn of_two_plugins_of_one_name_the_higher_version_is_used() {
    let bed = Bed::new();
    bed.install_toy("a", "toy v0.10.0");
    bed.install_toy("b", "toy 0.9.0");
    let blocks = format!("{}{}", bed.block("a"), bed.block("b"));
    let findings = check(&bed, &blocks, &["toy v0.10.0 a"], &["b"]).await;
    assert!(matches!(findings[0].problem, Problem::Superseded { .. }));
    bed.install_toy("b", "toy 0.10");
    check(&bed, &blocks, &["toy 0.10 b"], &["a"]).await;
}

#[tokio::test]
async fn no_directory_is_no_plugins() {
    let bed = Bed::new();
    fs::remove_dir(bed.plugins()).unwrap();
    let findings = check(&bed, &bed.block("toy"), &[], &[&bed.plugins().display().to_string()]).await;
    assert!(matches!(findings[0].problem, Problem::NoDirectory(_)));
    fs::write(bed.plugins(), "").unwrap();
    let findings = check(&bed, &bed.block("toy"), &[], &[&bed.plugins().display().to_string()]).await;
    assert!(matches!(findings[0].problem, Problem::Directory { .. }));
}
