//! The image that the tests and the bench run.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

pub(crate) const IMAGE: &str = "encamp-test:1";

/// Makes the image, with nothing in it but a static busybox.
pub(crate) fn import_busybox(socket: &str) {
    // Two at once would leave an image without a name behind.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let found = Command::new("docker")
        .args(["-H", socket, "image", "inspect", IMAGE])
        .output()
        .unwrap();
    if found.status.success() {
        return;
    }
    let script = format!(
        "set -e; d=$(mktemp -d); mkdir $d/bin $d/tmp $d/etc; cp /bin/busybox $d/bin/; \
         for a in $(/bin/busybox --list); do [ $a = busybox ] || ln -s busybox $d/bin/$a; done; \
         tar -C $d -c . | docker -H {socket} import --change 'ENV PATH=/bin' - {IMAGE}; rm -r $d"
    );
    let made = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(
        made.status.success(),
        "no engine at {socket}, or no /bin/busybox: {made:?}"
    );
}
