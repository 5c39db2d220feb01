//! Structs that are their own schemas.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use encamp_hclspec::{Body, Context, HclSpec, HclType, Source, Type, decode_into, export};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Debug, PartialEq, Deserialize, HclSpec)]
#[serde(rename_all = "kebab-case")]
struct Everything {
    /// What to run.
    ///
    /// With a tag.
    image: String,
    /// Nothing by default.
    extra_args: Option<Vec<String>>,
    #[hcl(default = 2)]
    retries: u8,
    #[serde(default)]
    tags: BTreeSet<String>,
    #[serde(default, rename = "environment")]
    env: HashMap<String, String>,
    #[serde(default)]
    mode: Mode,
    #[hcl(type = Type::String, optional)]
    #[serde(default)]
    old_mode: Mode,
    #[hcl(block)]
    logging: Option<Logging>,
    #[hcl(block, min = 1, max = 2)]
    mount: Vec<Mount>,
    #[hcl(block, labels("zone", "name"))]
    host: BTreeMap<String, BTreeMap<String, Logging>>,
    #[hcl(attrs)]
    labels: Option<BTreeMap<String, String>>,
    #[hcl(skip)]
    #[serde(skip)]
    made_up: u8,
}

#[derive(Debug, Default, PartialEq, Deserialize, HclType)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Host,
    Bridge,
}

#[derive(Debug, PartialEq, Deserialize, HclSpec)]
struct Logging {
    kind: String,
}

#[derive(Debug, PartialEq, Deserialize, HclSpec)]
struct Mount {
    #[hcl(label)]
    source: String,
    #[hcl(label)]
    target: String,
    #[serde(default)]
    readonly: bool,
}

/// Decodes a text: the value, or the errors, a line each.
fn check<T: HclSpec + DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str, expected: Result<T, &str>) {
    let body = Body::parse(Source::new("t", text.to_owned())).unwrap();
    let found = decode_into::<T>(&body, &Context::new()).map_err(|errors| errors.to_string());
    assert_eq!(found, expected.map_err(str::to_owned), "{text}");
}

fn least() -> Everything {
    Everything {
        image: "busybox".to_owned(),
        extra_args: None,
        retries: 2,
        tags: BTreeSet::new(),
        env: HashMap::new(),
        mode: Mode::Host,
        old_mode: Mode::Host,
        logging: None,
        mount: vec![Mount {
            source: "/a".to_owned(),
            target: "/b".to_owned(),
            readonly: false,
        }],
        host: BTreeMap::new(),
        labels: None,
        made_up: 0,
    }
}

#[test]
fn what_may_be_missing_is_filled_in() {
    check("image = \"busybox\"\nmount \"/a\" \"/b\" {}\n", Ok(least()));
    check(
        "image = \"busybox\"\nretries = null\nextra-args = null\nmode = null\nmount \"/a\" \"/b\" {}\n",
        Ok(least()),
    );
}

#[test]
fn every_kind_of_field_is_read() {
    let text = r#"
        image       = "busybox"
        extra-args  = ["-c"]
        retries     = "3"
        tags        = ["b", "a", "b"]
        environment = { A = 1 }
        mode        = "bridge"
        logging { kind = "local" }
        mount "/a" "/b" { readonly = true }
        host "z" "n" { kind = "x" }
        labels { p = "q" }
    "#;
    let logging = |kind: &str| Logging { kind: kind.to_owned() };
    let mut expected = least();
    expected.extra_args = Some(vec!["-c".to_owned()]);
    expected.retries = 3;
    expected.tags = ["a".to_owned(), "b".to_owned()].into();
    expected.env = [("A".to_owned(), "1".to_owned())].into();
    expected.mode = Mode::Bridge;
    expected.logging = Some(logging("local"));
    expected.mount[0].readonly = true;
    expected.host = [("z".to_owned(), [("n".to_owned(), logging("x"))].into())].into();
    expected.labels = Some([("p".to_owned(), "q".to_owned())].into());
    check(text, Ok(expected));
}

#[test]
fn what_the_schema_and_what_the_type_refuses_has_its_place() {
    let missing = decode_into::<Everything>(
        &Body::parse(Source::new("t", "extra_args = []\n".to_owned())).unwrap(),
        &Context::new(),
    )
    .unwrap_err();
    let text = missing.to_string();
    for part in [
        "Did you mean \"extra-args\"?",
        "\"image\" is required",
        "Insufficient mount blocks",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    check::<Everything>(
        "image = \"x\"\nretries = 300\nmount \"/a\" \"/b\" {}\n",
        Err("t:2:11: Incorrect attribute value; `retries`: expected u8, found another number."),
    );
}

#[test]
fn doc_comments_describe_the_options() {
    let table = export::markdown(&Everything::hcl_spec());
    assert!(
        table.contains("| `image` | string | required | What to run.  With a tag. |\n"),
        "{table}"
    );
    assert!(table.contains("| `retries` | number | `2` |  |\n"), "{table}");
    assert!(
        table.contains("| `mount` | blocks \"source\" \"target\", at most 2 | required |  |\n"),
        "{table}"
    );
    let schema = export::json_schema(&Everything::hcl_spec());
    assert_eq!(schema["required"], serde_json::json!(["image", "mount"]));
    assert_eq!(schema["properties"]["retries"]["default"], 2);
}

#[test]
fn a_name_for_reading_alone_is_the_name_in_the_schema() {
    #[derive(Debug, PartialEq, Deserialize, HclSpec)]
    #[serde(rename_all(deserialize = "kebab-case"))]
    struct Renamed {
        max_size: u8,
        #[serde(rename(serialize = "out", deserialize = "in"))]
        path: String,
    }
    check(
        "max-size = 1\nin = \"/a\"\n",
        Ok(Renamed {
            max_size: 1,
            path: "/a".to_owned(),
        }),
    );
}

#[test]
fn an_enum_is_the_texts_that_serde_reads() {
    #[derive(Debug, PartialEq, Deserialize, HclType)]
    #[serde(rename_all = "snake_case")]
    enum Policy {
        OnFailure,
        #[serde(alias = "ever")]
        Always,
        #[serde(rename = "no")]
        Never,
        #[serde(skip)]
        #[expect(dead_code, reason = "it is not read")]
        Internal,
    }
    #[derive(Debug, PartialEq, Deserialize, HclSpec)]
    struct Task {
        restart: Option<Policy>,
        #[serde(default)]
        others: Vec<Policy>,
    }
    let task = |restart| Task {
        restart,
        others: Vec::new(),
    };
    check("restart = \"on_failure\"\n", Ok(task(Some(Policy::OnFailure))));
    check("restart = \"ever\"\n", Ok(task(Some(Policy::Always))));
    check("restart = \"no\"\n", Ok(task(Some(Policy::Never))));
    check("restart = null\n", Ok(task(None)));
    let texts = r#""on_failure", "always", "ever", "no""#;
    let refused = format!("t:1:11: Invalid value; This is one of {texts}.");
    check::<Task>("restart = \"internal\"\n", Err(&refused));
    check::<Task>(
        "restart = \"alway\"\n",
        Err(&format!("{refused} Did you mean \"always\"?")),
    );
    check::<Task>(
        "others = [\"no\", \"x\"]\n",
        Err(
            "t:1:17: Incorrect attribute value; `others[1]`: expected one of `on_failure`, `always`, `ever`, `no`, found another string.",
        ),
    );

    let restart = &export::json_schema(&Task::hcl_spec())["properties"]["restart"];
    let expected = serde_json::json!(["on_failure", "always", "ever", "no", null]);
    assert_eq!(restart["anyOf"][0]["enum"], expected);
    let table = export::markdown(&Task::hcl_spec());
    let row = "| `restart` | `on_failure` or `always` or `ever` or `no` |  |  |\n";
    assert!(table.contains(row), "{table}");
}

#[test]
fn an_enum_with_a_variant_for_all_else_takes_any_text() {
    #[derive(Debug, PartialEq, Deserialize, HclType)]
    enum Kind {
        Known,
        #[serde(other)]
        Other,
    }
    #[derive(Debug, PartialEq, Deserialize, HclSpec)]
    struct Task {
        kind: Kind,
    }
    check("kind = \"Known\"\n", Ok(Task { kind: Kind::Known }));
    check("kind = \"x\"\n", Ok(Task { kind: Kind::Other }));
}
