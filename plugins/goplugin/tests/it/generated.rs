//! The example's generated code is what its `.proto` file says. With `ENCAMP_PROTO=write` in the environment, it is made
//! so.

use std::path::Path;
use std::{env, fs};

use prost::Message as _;

#[test]
fn the_examples_generated_code_is_what_its_proto_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kv");
    let out = tempfile::tempdir().unwrap();
    let mut descriptors = protox::compile(["kv.proto"], [&folder]).unwrap();
    tonic_prost_build::configure()
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds(descriptors.clone())
        .unwrap();
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    fs::write(out.path().join("kv.bin"), descriptors.encode_to_vec()).unwrap();
    for name in ["kv.rs", "kv.bin"] {
        let generated = fs::read(out.path().join(name)).unwrap();
        let checked_in = folder.join("generated").join(name);
        if env::var_os("ENCAMP_PROTO").is_some_and(|what| what == "write") {
            fs::write(&checked_in, &generated).unwrap();
        }
        assert!(
            fs::read(&checked_in).unwrap() == generated,
            "{name} is stale: run this with ENCAMP_PROTO=write"
        );
    }
}
