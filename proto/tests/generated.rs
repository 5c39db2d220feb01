//! The generated code is what the `.proto` files say. With `ENCAMP_PROTO=write` in the environment, it is made so.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use anyhow::Result;
use prost::Message as _;
use prost_types::FileDescriptorSet;

/// The families, each with its files; imports come by themselves.
const FAMILIES: [(&str, &[&str]); 2] = [
    (
        "goplugin",
        &[
            "goplugin/broker.proto",
            "goplugin/controller.proto",
            "goplugin/stdio.proto",
        ],
    ),
    (
        "nomad",
        &[
            "google/rpc/status.proto",
            "nomad/attribute.proto",
            "nomad/base.proto",
            "nomad/device.proto",
            "nomad/driver.proto",
            "nomad/hclspec.proto",
            "nomad/recoverable_error.proto",
            "nomad/stats.proto",
        ],
    ),
];

#[test]
fn generated_code_is_what_the_proto_files_say() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked_in = root.join("src/generated");
    let generated = generate(&root.join("protos"))?;
    if env::var_os("ENCAMP_PROTO").is_some_and(|what| what == "write") {
        write(&checked_in, &generated)?;
    }
    let stale: Vec<_> = generated
        .iter()
        .filter(|(name, bytes)| fs::read(checked_in.join(name)).ok().as_ref() != Some(bytes))
        .map(|(name, _)| name.as_str())
        .collect();
    let stray: Vec<_> = names(&checked_in)?
        .into_iter()
        .filter(|name| !generated.contains_key(name))
        .collect();
    assert!(
        stale.is_empty() && stray.is_empty(),
        "not what `protos/` says: {stale:?}; from nowhere: {stray:?}; run `cargo xtask proto write`"
    );
    Ok(())
}

/// Every generated file by name.
fn generate(protos: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let out = tempfile::tempdir()?;
    let mut files = BTreeMap::new();
    for (family, sources) in FAMILIES {
        let descriptors = protox::compile(sources, [protos])?;
        files.insert(
            format!("{family}.bin"),
            without_comments(descriptors.clone()).encode_to_vec(),
        );
        tonic_prost_build::configure()
            .build_transport(false)
            .btree_map(".")
            .bytes(".")
            .emit_rerun_if_changed(false)
            .out_dir(out.path())
            .compile_fds(descriptors)?;
    }
    for name in names(out.path())? {
        let bytes = fs::read(out.path().join(&name))?;
        // Well-known types come from `prost-types`.
        if !bytes.is_empty() {
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

fn without_comments(mut descriptors: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    descriptors
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for name in names(folder)? {
        fs::remove_file(folder.join(name))?;
    }
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries
        .iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect())
}
