//! Nothing that is given to the command makes it panic or overflow its stack.

use std::process::ExitCode;

use super::{SPEC, ran};

fn check(spec: &str, input: &str) {
    let args = ["--spec=DIR/h.hcldec", "--diags=json"];
    for args in [args.to_vec(), [args.as_slice(), &["--var-refs"]].concat()] {
        let native = ran(&[("h.hcldec", spec)], &args, input);
        let with_file = [args.as_slice(), &["DIR/in.json"]].concat();
        let json = ran(&[("h.hcldec", spec), ("in.json", input)], &with_file, "");
        for code in [native.code, json.code] {
            assert!([ExitCode::SUCCESS, ExitCode::from(1), ExitCode::from(2)].contains(&code));
        }
    }
}

#[test]
fn specs_and_inputs_of_any_depth_have_an_answer() {
    let any = "attr {\n  name = \"a\"\n}\n";
    let deep = 100_000;
    for input in [
        format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a = {}", "(".repeat(deep)),
        format!("a = {}", "\"${".repeat(deep)),
        format!("a = {}1", "-".repeat(deep)),
        format!("a = 1{}", " + 1".repeat(deep)),
        format!("a = x{}", "[0]".repeat(deep)),
        "b {\n".repeat(deep),
        format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)),
        "[".repeat(deep),
    ] {
        check(any, &input);
        check(&input, "a = 1");
    }
    check(&"array {\n".repeat(deep), "");
    check(&format!("{}{}", "array {\n".repeat(deep), "}\n".repeat(deep)), "");
    check(
        &format!(
            "attr {{\n name = \"a\"\n type = {}string{}\n}}\n",
            "list(".repeat(deep),
            ")".repeat(deep)
        ),
        "",
    );
    check(
        &format!("default {{\n{}}}\n", "literal {\n value = null\n}\n".repeat(20_000)),
        "",
    );
}

#[test]
fn specs_that_make_no_sense_have_an_answer() {
    let inputs = ["", "a {}", "a = 1", "a \"x\" {}", "{\"a\": [{}, null, {\"x\": {}}]}"];
    for spec in [
        "block_label {\n index = 4000000000\n}",
        "block {\n block_type = \"a\"\n block_label {\n index = 99999\n }\n}",
        "block_list {\n block_type = \"a\"\n min_items = 9999999999999\n object {}\n}",
        "block_list {\n block_type = \"a\"\n max_items = 1e30\n object {}\n}",
        "block_object {\n block_type = \"a\"\n labels = [\"x\", \"x\"]\n block_label \"x\" {\n index = 2\n }\n}",
        "array {\n attr {\n name = \"a\"\n }\n block {\n block_type = \"a\"\n object {}\n }\n}",
        "block_attrs {\n block_type = \"a\"\n element_type = list(any)\n}",
        "default {\n literal {\n value = 1\n }\n}",
        "transform {\n literal {\n value = 1\n }\n result = nested.a.b\n}",
        "expression {\n value = a\n}",
        "function \"f\" {\n params = [a, a]\n result = a\n}\nattr {\n name = \"a\"\n}",
        "literal {\n value = 1 / 0\n}",
    ] {
        for input in inputs {
            check(spec, input);
        }
    }
}

#[test]
fn prefixes_of_what_is_valid_have_an_answer() {
    let input = "a = \"${x ? [for v in y : v.z[0]] : {k = 1}} %{ if n }é%{ endif }\"\nb = <<-E\n  t ${~ u ~}\n  E\n";
    for end in (0..input.len()).filter(|end| input.is_char_boundary(*end)) {
        check(SPEC.1, &input[..end]);
    }
    for end in 0..SPEC.1.len() {
        check(&SPEC.1[..end], "a = 1");
    }
}

#[test]
fn many_short_expressions_cannot_take_all_memory() {
    let ten = "[1,2,3,4,5,6,7,8,9,0]";
    let levels = ["a", "b", "c", "d", "e"].map(|name| format!("[for {name} in {ten} : "));
    let value = format!("{}a{}", levels.concat(), "]".repeat(levels.len()));
    let lines: Vec<String> = (0..30).map(|index| format!("  a{index} = {value}\n")).collect();
    let lines = lines.concat();
    let spec = "block_attrs {\n block_type = \"b\"\n element_type = any\n}\n";
    let out = ran(
        &[("h.hcldec", spec)],
        &["--spec=DIR/h.hcldec"],
        &format!("b {{\n{lines}}}\n"),
    );
    assert_eq!(out.code, ExitCode::from(2));
    assert!(out.stderr.contains("Expression too expensive"), "{}", out.stderr);
}
