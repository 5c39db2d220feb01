//! The functions of job files.

use std::collections::BTreeMap;
use std::fs;

use encamp_hclspec::{Context, Expression, Source, Value};
use encamp_jobspec::{Options, functions, parse_with};

fn evaluate(directory: Option<&std::path::Path>, text: &str) -> Result<Value, String> {
    let context = Context::new()
        .with_functions(functions::all(directory))
        .with_try_and_can();
    let expression = Expression::parse(Source::new("x", text.to_owned())).map_err(|errors| errors.to_string())?;
    expression.evaluate(&context).map_err(|errors| errors.to_string())
}

/// Checks an expression's value, as JSON.
#[track_caller]
fn check(text: &str, expected: &str) {
    let value = evaluate(None, text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(serde_json::to_string(&value).unwrap(), expected, "{text}");
}

#[track_caller]
fn refuse(text: &str, expected: &str) {
    let errors = evaluate(None, text).unwrap_err();
    assert!(errors.contains(expected), "{text}: {errors}");
}

#[test]
fn networks() {
    check(r#"cidrhost("10.12.127.0/20", 16)"#, r#""10.12.112.16""#);
    check(r#"cidrhost("10.12.127.0/20", 268)"#, r#""10.12.113.12""#);
    check(r#"cidrhost("10.0.0.0/24", -1)"#, r#""10.0.0.255""#);
    check(
        r#"cidrhost("fd00:fd12:3456:7890:00a2::/72", 34)"#,
        r#""fd00:fd12:3456:7890::22""#,
    );
    check(r#"cidrnetmask("172.16.0.0/12")"#, r#""255.240.0.0""#);
    check(r#"cidrnetmask("0.0.0.0/0")"#, r#""0.0.0.0""#);
    check(r#"cidrsubnet("172.16.0.0/12", 4, 2)"#, r#""172.18.0.0/16""#);
    check(r#"cidrsubnet("10.1.2.0/24", 4, 15)"#, r#""10.1.2.240/28""#);
    check(
        r#"cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)"#,
        r#""fd00:fd12:3456:7800:a200::/72""#,
    );
    check(
        r#"cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)"#,
        r#"["10.1.0.0/20","10.1.16.0/20","10.1.32.0/24","10.1.48.0/20"]"#,
    );
    check(r#"cidrsubnets("::/0", 128)"#, r#"["::/128"]"#);
    refuse(r#"cidrhost("10.0.0.0/30", 4)"#, "has no host of this number");
    refuse(r#"cidrhost("10.0.0.0", 4)"#, "not a network");
    refuse(r#"cidrnetmask("::/8")"#, "only networks of IPv4 have a mask");
    refuse(r#"cidrsubnet("10.0.0.0/30", 4, 1)"#, "extended by 0 to 2 bits");
    refuse(r#"cidrsubnets("10.0.0.0/31", 1, 1, 1)"#, "no room");
    refuse(r#"cidrhost("10.0.0.0/99", 4)"#, "not a network");
}

#[test]
#[cfg(feature = "crypto")]
fn hashes() {
    check(r#"md5("hello")"#, r#""5d41402abc4b2a76b9719d911017c592""#);
    check(r#"sha1("hello")"#, r#""aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d""#);
    check(
        r#"sha256("hello")"#,
        r#""2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824""#,
    );
    check(r#"substr(sha512("hello"), 0, 16)"#, r#""9b71d224bd62f378""#);
    check(r#"length(split("$", bcrypt("hello", 4)))"#, "4");
    refuse(r#"bcrypt("hello", 40)"#, "from 4 to 14");
}

#[test]
#[cfg(feature = "regex")]
fn regular_expressions() {
    check(r#"regex("[a-z]+", "53453453.345345aaabbbccc23454")"#, r#""aaabbbccc""#);
    check(r#"regex("(\\d\\d\\d\\d)-(\\d\\d)", "2019-02-01")"#, r#"["2019","02"]"#);
    check(
        r#"regex("(?:(?P<scheme>[^:/?#]+):)?(?P<rest>.*)", "//x")"#,
        r#"{"scheme":null,"rest":"//x"}"#,
    );
    check(r#"regexall("[a-z]+", "1234abcd5678efgh9")"#, r#"["abcd","efgh"]"#);
    check(r#"regexall("[a-z]+", "1")"#, "[]");
    check(r#"regex_replace("hello world", "w(.*)d", "$1")"#, r#""hello orl""#);
    refuse(r#"regex("a", "b")"#, "did not match");
    refuse(r#"regex("(", "b")"#, "no regular expression");
    refuse(r#"regex("(a)(?P<n>b)", "ab")"#, "either all named or none");
    refuse(r#"regex("(a{1000}){1000}", "b")"#, "too large");
}

#[test]
#[cfg(feature = "yaml")]
fn yaml() {
    check(
        r#"yamldecode("a: [1, 2.5, true, null, x]\nb: {c: d}")"#,
        r#"{"a":[1,2.5,true,null,"x"],"b":{"c":"d"}}"#,
    );
    check(
        r#"yamldecode(yamlencode({a = [1, "2"], b = null}))"#,
        r#"{"a":[1,"2"],"b":null}"#,
    );
    refuse(r#"yamldecode("a: [")"#, "no YAML document");
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let before = n - 1;
        format!("{text}a{n}: &a{n} [*a{before}, *a{before}, *a{before}]\n")
    });
    let text = format!("yamldecode({})", serde_json::to_string(&bomb).unwrap());
    refuse(&text, "no YAML document");
}

#[test]
fn uuids() {
    check(
        r#"uuidv5("dns", "www.terraform.io")"#,
        r#""a5008fae-b28c-5ba5-96cd-82b4c53552d6""#,
    );
    check("strlen(uuidv4())", "36");
    check("uuidv4() == uuidv4()", "false");
    refuse(r#"uuidv5("x", "y")"#, "a namespace is");
}

#[test]
fn attempts() {
    check(r#"try(tonumber("x"), 5)"#, "5");
    check(r#"can(tonumber("x"))"#, "false");
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    fs::create_dir_all(base.join("sub/deep")).unwrap();
    fs::write(base.join("a.txt"), "hello\n").unwrap();
    fs::write(base.join("sub/b.txt"), [0xff, 0xfe]).unwrap();
    fs::write(base.join("sub/deep/c.txt"), "c").unwrap();
    let check = |text: &str, expected: &str| {
        let value = evaluate(Some(base), text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(serde_json::to_string(&value).unwrap(), expected, "{text}");
    };
    check(r#"file("a.txt")"#, r#""hello\n""#);
    check(r#"file("./sub/../a.txt")"#, r#""hello\n""#);
    check(r#"filebase64("sub/b.txt")"#, r#""//4=""#);
    check(r#"fileexists("a.txt")"#, "true");
    check(r#"fileexists("none")"#, "false");
    check(
        r#"fileset(".", "**/*.txt")"#,
        r#"["a.txt","sub/b.txt","sub/deep/c.txt"]"#,
    );
    check(r#"fileset("sub", "*.txt")"#, r#"["b.txt"]"#);
    check(r#"basename("a/b.txt")"#, r#""b.txt""#);
    check(r#"dirname("a/b.txt")"#, r#""a""#);
    check(r#"dirname("b.txt")"#, r#"".""#);
    check(r#"pathexpand("/a/b")"#, r#""/a/b""#);
    check(r#"abspath("x") == abspath("./y/../x")"#, "true");
    let refuse = |text: &str, expected: &str| {
        let errors = evaluate(Some(base), text).unwrap_err();
        assert!(errors.contains(expected), "{errors}");
    };
    refuse(r#"file("none")"#, "cannot read");
    refuse(r#"file("sub")"#, "no regular file");
    refuse(r#"file("sub/b.txt")"#, "not UTF-8");
    refuse(r#"file("/dev/zero")"#, "no regular file");
    refuse(r#"fileset(".", "../*")"#, "lead out");
}

#[test]
fn functions_on_files_start_at_the_given_directory_or_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("motd"), "hi").unwrap();
    let text = crate::job("", "env { MOTD = file(\"motd\") }");
    let source = || Source::new("job.hcl", text.clone());
    let options = Options::new(BTreeMap::new()).with_directory(directory.path());
    let parsed = parse_with(source(), &options).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(parsed.job.groups[0].tasks[0].env["MOTD"], "hi");
    let errors = parse_with(source(), &Options::default()).unwrap_err().to_string();
    assert!(errors.contains("functions on files cannot be called here"), "{errors}");
}
