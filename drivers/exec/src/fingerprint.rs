//! The driver's look at itself.

use std::time::Duration;

use encamp_cgroup::Hierarchy;
use encamp_driver::{Attribute, BoxStream, Fingerprint, Result};
use futures_util::{StreamExt, stream};

const INTERVAL: Duration = Duration::from_secs(30);

/// A look at once, then one every 30 s.
pub(crate) fn looks(cgroups: &Hierarchy) -> BoxStream<Result<Fingerprint>> {
    let look = look(cgroups, nix::unistd::geteuid().is_root());
    Box::pin(
        stream::unfold(true, |is_first| async move {
            if !is_first {
                tokio::time::sleep(INTERVAL).await;
            }
            Some(((), false))
        })
        .map(move |()| Ok(look.clone())),
    )
}

/// Neither who the driver runs as nor its cgroups change while it lives.
fn look(cgroups: &Hierarchy, is_root: bool) -> Fingerprint {
    if !is_root {
        return Fingerprint::undetected("Driver must run as root");
    }
    if cgroups.is_off() {
        return Fingerprint::unhealthy("Failed to discover cgroup mount point");
    }
    Fingerprint::healthy([("driver.exec".to_owned(), Attribute::from(true))])
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use encamp_driver::Health;

    use super::*;

    #[test]
    fn root_and_cgroups_are_needed() {
        let cgroups = Hierarchy::V2 {
            mount: PathBuf::from("/sys/fs/cgroup"),
            parent: "encamp".to_owned(),
        };
        assert_eq!(look(&cgroups, true).health, Health::Healthy);
        assert_eq!(
            look(&cgroups, true).attributes.get("driver.exec"),
            Some(&Attribute::from(true))
        );
        assert_eq!(look(&cgroups, false).health, Health::Undetected);
        assert_eq!(look(&cgroups, true).health_description, "Healthy");
        let look = |root| look(&Hierarchy::Off, root);
        assert_eq!(look(true).health, Health::Unhealthy);
        assert_eq!(look(true).health_description, "Failed to discover cgroup mount point");
        assert_eq!(look(false).health_description, "Driver must run as root");
        assert!(look(true).attributes.is_empty() && look(false).attributes.is_empty());
    }
}
